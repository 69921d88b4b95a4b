# Android 11: android-platform-tools 29.0.6 of Debian 12 has all of it.

include(core.cmake)

aosp_library(binder ${LIBBINDER}
  Binder.cpp BpBinder.cpp BufferedTextOutput.cpp Debug.cpp IInterface.cpp IPCThreadState.cpp IResultReceiver.cpp
  IServiceManager.cpp IShellCallback.cpp Parcel.cpp ProcessState.cpp Stability.cpp Static.cpp Status.cpp
  TextOutput.cpp)

foreach(interface IClientCallback IServiceCallback IServiceManager)
  # Debian's aidl does not parse expressions: their values replace them.
  file(READ ${LIBBINDER}/aidl/android/os/${interface}.aidl text)
  foreach(bit RANGE 4)
    math(EXPR value "1 << ${bit}")
    string(REPLACE "= 1 << ${bit};" "= ${value};" text "${text}")
  endforeach()
  file(WRITE ${GENERATED}/aidl/android/os/${interface}.aidl "${text}")
  set(generated ${GENERATED}/android/os/${interface}.cpp)
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${AIDL} --lang=cpp -I ${GENERATED}/aidl -h ${GENERATED} -o ${GENERATED}
            ${GENERATED}/aidl/android/os/${interface}.aidl
    VERBATIM)
  target_sources(binder PRIVATE ${generated})
endforeach()

aosp_command(servicemanager ${NATIVE}/cmds/servicemanager Access.cpp ServiceManager.cpp main.cpp)
servicemanager_in_c(${SOURCE_IN_C})
