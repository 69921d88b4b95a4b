# The libraries below libbinder as android-platform-tools 29.0.6 has them, for the generations before 12.

target_include_directories(aosp SYSTEM INTERFACE
  ${CORE}/base/include ${CORE}/libbacktrace/include ${CORE}/liblog/include)

aosp_library(log ${CORE}/liblog log_event_list.cpp log_event_write.cpp logger_write.cpp properties.cpp)
aosp_library(base ${CORE}/base
  file.cpp liblog_symbols.cpp logging.cpp parsebool.cpp properties.cpp stringprintf.cpp strings.cpp threads.cpp)
aosp_library(cutils ${CORE}/libcutils ashmem-host.cpp multiuser.cpp native_handle.cpp threads.cpp)
aosp_library(utils ${CORE}/libutils
  Errors.cpp Looper.cpp RefBase.cpp SharedBuffer.cpp String16.cpp String8.cpp StrongPointer.cpp SystemClock.cpp
  Threads.cpp Timers.cpp Unicode.cpp VectorImpl.cpp misc.cpp)

# For a host, IPCThreadState.cpp leaves out the very ioctl that everything goes through, and threads.cpp defines a
# gettid() that glibc has by now.
set_source_files_properties(
  ${LIBBINDER}/IPCThreadState.cpp ${CORE}/libcutils/threads.cpp PROPERTIES COMPILE_DEFINITIONS __ANDROID__)
