# Android 10: libbinder, the commands and the servicemanager in C, the last in C, of android-platform-frameworks-native
# 10.0.0+r36; what is below libbinder is of android-platform-tools 29.0.6.

include(core.cmake)

aosp_library(binder ${NATIVE}/libs
  binder/Binder.cpp binder/BpBinder.cpp binder/BufferedTextOutput.cpp binder/Debug.cpp binder/IInterface.cpp
  binder/IPCThreadState.cpp binder/IPermissionController.cpp binder/IResultReceiver.cpp binder/IServiceManager.cpp
  binder/IShellCallback.cpp binder/Parcel.cpp binder/PersistableBundle.cpp binder/ProcessState.cpp binder/Static.cpp
  binder/Status.cpp binder/TextOutput.cpp binder/Value.cpp binderthreadstate/IPCThreadStateBase.cpp)
target_include_directories(binder SYSTEM PRIVATE ${NATIVE}/libs/binderthreadstate/include)
target_compile_definitions(binder PRIVATE SIZE_T_MAX=SIZE_MAX) # of Android's <limits.h>
set_source_files_properties(${LIBBINDER}/Value.cpp PROPERTIES COMPILE_OPTIONS -frtti)

servicemanager_in_c(${NATIVE})
add_custom_command(TARGET aosp_commands POST_BUILD
  COMMAND ${CMAKE_COMMAND} -E create_symlink servicemanager10 ${commands_directory}/servicemanager)
