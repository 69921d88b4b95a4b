# Android 14: android-platform-tools 34.0.5 of Debian 13 has all of it.

set(CMAKE_CXX_STANDARD 20)
target_include_directories(aosp SYSTEM INTERFACE
  ${SOURCE}/system/libbase/include ${SOURCE}/system/logging/liblog/include ${SOURCE}/external/fmtlib/include)
target_compile_definitions(aosp INTERFACE
  BINDER_WITH_KERNEL_IPC BINDER_RPC_NO_TLS # as in libbinder's Android.bp, without TLS for sockets
  FMT_HEADER_ONLY)
target_compile_options(aosp INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include atomic -include optional>")

aosp_library(log ${SOURCE}/system/logging/liblog
  log_event_list.cpp log_event_write.cpp logger_name.cpp logger_write.cpp properties.cpp)
aosp_library(base ${SOURCE}/system/libbase
  file.cpp hex.cpp logging.cpp parsebool.cpp properties.cpp stringprintf.cpp strings.cpp threads.cpp)
aosp_library(cutils ${CORE}/libcutils ashmem-host.cpp multiuser.cpp native_handle.cpp)
aosp_library(utils ${CORE}/libutils
  Errors.cpp LightRefBase.cpp Looper.cpp RefBase.cpp SharedBuffer.cpp String16.cpp String8.cpp StrongPointer.cpp
  SystemClock.cpp Threads.cpp Timers.cpp Unicode.cpp VectorImpl.cpp misc.cpp)
aosp_library(binder ${LIBBINDER}
  Binder.cpp BpBinder.cpp BufferedTextOutput.cpp Debug.cpp FdTrigger.cpp IInterface.cpp IPCThreadState.cpp
  IPermissionController.cpp IResultReceiver.cpp IServiceManager.cpp IShellCallback.cpp OS.cpp Parcel.cpp
  ParcelFileDescriptor.cpp PermissionCache.cpp PermissionController.cpp ProcessState.cpp RecordedTransaction.cpp
  RpcServer.cpp RpcSession.cpp RpcState.cpp RpcTransportRaw.cpp Stability.cpp Static.cpp Status.cpp TextOutput.cpp
  Trace.cpp Utils.cpp UtilsHost.cpp)
target_compile_definitions(binder PRIVATE # of Android's <linux/android/binder.h>
  FLAT_BINDER_FLAG_SCHED_POLICY_SHIFT=9 FLAT_BINDER_FLAG_INHERIT_RT=0x800)
aosp_interfaces(binder ConnectionInfo ServiceDebugInfo IClientCallback IServiceCallback IServiceManager)

aosp_command(servicemanager ${NATIVE}/cmds/servicemanager Access.cpp ServiceManager.cpp main.cpp)
servicemanager_in_c(${SOURCE_IN_C})

set(dumpsys_added libs/binderdebug/BinderDebug.cpp)

# <cutils/atomic.h>, as Debian patches it, takes an enumeration of before C++20.
set_source_files_properties(
  ${LIBBINDER}/BufferedTextOutput.cpp ${LIBBINDER}/ProcessState.cpp PROPERTIES COMPILE_OPTIONS -std=gnu++17)

# For a host, these leave out the driver, the service manager, and the checks of who may register.
set_source_files_properties(
  ${LIBBINDER}/IPCThreadState.cpp ${LIBBINDER}/IServiceManager.cpp ${LIBBINDER}/ProcessState.cpp
  ${NATIVE}/cmds/service/service.cpp ${NATIVE}/cmds/servicemanager/Access.cpp PROPERTIES COMPILE_DEFINITIONS __ANDROID__)
