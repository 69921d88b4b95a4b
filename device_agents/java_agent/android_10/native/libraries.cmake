# Android 10: android-platform-tools 29.0.6, and frameworks/native from a source package of its own.

include_directories(SYSTEM ${CORE}/base/include ${CORE}/libbacktrace/include ${CORE}/liblog/include
  ${HELPER}/platform_include)

aosp_sources(${CORE}/liblog log_event_list.cpp log_event_write.cpp logger_write.cpp properties.cpp)
aosp_sources(${CORE}/base
  file.cpp liblog_symbols.cpp logging.cpp parsebool.cpp properties.cpp stringprintf.cpp strings.cpp threads.cpp)
aosp_sources(${CORE}/libcutils threads.cpp)
aosp_sources(${LIBBINDER} PersistableBundle.cpp Value.cpp)
aosp_sources(${NATIVE}/libs/binderthreadstate IPCThreadStateBase.cpp)
aosp_sources(${HELPER} JNIHelp.cpp)

set_source_files_properties(${LIBBINDER}/Value.cpp PROPERTIES COMPILE_OPTIONS -frtti) # it uses typeid
# For a host, IPCThreadState.cpp leaves out the very ioctl that everything goes through, and threads.cpp defines a
# gettid() that glibc has by now.
set_source_files_properties(
  ${LIBBINDER}/IPCThreadState.cpp ${CORE}/libcutils/threads.cpp PROPERTIES COMPILE_DEFINITIONS __ANDROID__)
