# Android 14: android-platform-tools 34.0.5 of Debian 13 has all that is not frameworks/base.

set_target_properties(aosp PROPERTIES CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD 20)
include_directories(SYSTEM ${SOURCE}/system/libbase/include ${SOURCE}/system/logging/liblog/include
  ${SOURCE}/external/fmtlib/include ${HELPER}/include_platform ${HELPER}/include_platform_header_only ${GENERATED})
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include atomic -include optional>")
add_compile_definitions(
  BINDER_WITH_KERNEL_IPC BINDER_RPC_NO_TLS # as in libbinder's Android.bp, without TLS for sockets
  DO_NOT_CHECK_MANUAL_BINDER_INTERFACES # Debian's aidl, of Android 10, leaves no mark on what it generates.
  FLAT_BINDER_FLAG_SCHED_POLICY_SHIFT=9 FLAT_BINDER_FLAG_INHERIT_RT=0x800 # of Android's <linux/android/binder.h>
  FMT_HEADER_ONLY)

aosp_sources(${SOURCE}/system/logging/liblog
  log_event_list.cpp log_event_write.cpp logger_name.cpp logger_write.cpp properties.cpp)
aosp_sources(${SOURCE}/system/libbase
  file.cpp hex.cpp logging.cpp parsebool.cpp properties.cpp stringprintf.cpp strings.cpp threads.cpp)
aosp_sources(${CORE}/libutils LightRefBase.cpp)
aosp_sources(${LIBBINDER}
  FdTrigger.cpp OS.cpp ParcelFileDescriptor.cpp PersistableBundle.cpp RecordedTransaction.cpp RpcServer.cpp
  RpcSession.cpp RpcState.cpp RpcTransportRaw.cpp Stability.cpp Trace.cpp Utils.cpp UtilsHost.cpp)
aosp_interfaces(aosp ConnectionInfo ServiceDebugInfo IClientCallback IServiceCallback IServiceManager)
aosp_sources(${HELPER} ExpandableString.c JNIHelp.c)

# <cutils/atomic.h>, as Debian patches it, takes an enumeration of before C++20.
set_source_files_properties(
  ${LIBBINDER}/BufferedTextOutput.cpp ${LIBBINDER}/ProcessState.cpp ${JNI}/android_os_Parcel.cpp
  PROPERTIES COMPILE_OPTIONS -std=gnu++17)
# android_util_Binder.cpp also uses what libbinder shows to its friends.
set_source_files_properties(
  ${JNI}/android_util_Binder.cpp PROPERTIES COMPILE_OPTIONS "-std=gnu++17;-fno-access-control")
# For a host, these leave out the driver and the service manager.
set_source_files_properties(
  ${LIBBINDER}/IPCThreadState.cpp ${LIBBINDER}/IServiceManager.cpp ${LIBBINDER}/ProcessState.cpp
  PROPERTIES COMPILE_DEFINITIONS __ANDROID__)
