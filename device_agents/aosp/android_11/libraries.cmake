# Android 11: android-platform-tools 29.0.6 of Debian 12 has all of it.

include(core.cmake)

aosp_library(binder ${LIBBINDER}
  Binder.cpp BpBinder.cpp BufferedTextOutput.cpp Debug.cpp IInterface.cpp IPCThreadState.cpp IResultReceiver.cpp
  IServiceManager.cpp IShellCallback.cpp Parcel.cpp ProcessState.cpp Stability.cpp Static.cpp Status.cpp
  TextOutput.cpp)
aosp_interfaces(binder IClientCallback IServiceCallback IServiceManager)

aosp_command(servicemanager ${NATIVE}/cmds/servicemanager Access.cpp ServiceManager.cpp main.cpp)
servicemanager_in_c(${SOURCE_IN_C})
