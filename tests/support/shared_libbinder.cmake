# Included by device_agents/aosp/CMakeLists.txt (CMAKE_PROJECT_aosp_INCLUDE): adds libbinder.so and libbinder_ndk.so, as a
# device with Android has them, from the same sources.

set(CMAKE_POSITION_INDEPENDENT_CODE ON)

function(add_shared_libraries)
  # What of Android the NDK's part of libbinder needs, and glibc and Debian's headers do not have.
  file(WRITE ${CMAKE_BINARY_DIR}/ndk.h "#include <assert.h>\n#define __INTRODUCED_IN(level)\n#define __assert(a, b, c)\n")
  file(WRITE ${CMAKE_BINARY_DIR}/empty.cpp "")
  file(GLOB ndk_sources ${LIBBINDER}/ndk/*.cpp)
  list(FILTER ndk_sources EXCLUDE REGEX "_jni\\.cpp$")
  add_library(ndk STATIC ${ndk_sources} ${LIBBINDER}/ParcelFileDescriptor.cpp)
  target_include_directories(ndk PRIVATE ${LIBBINDER}/ndk/include_apex ${LIBBINDER}/ndk/include_ndk
    ${LIBBINDER}/ndk/include_platform ${LIBBINDER}/ndk)
  target_compile_options(ndk PRIVATE -w "SHELL:-include ${CMAKE_BINARY_DIR}/ndk.h")
  target_compile_definitions(ndk PRIVATE __ANDROID_API__=10000)
  target_link_libraries(ndk PUBLIC binder)

  foreach(library binder ndk)
    string(REPLACE "ndk" "binder_ndk" name ${library})
    add_library(shared_${library} SHARED ${CMAKE_BINARY_DIR}/empty.cpp)
    set_target_properties(shared_${library} PROPERTIES OUTPUT_NAME ${name} BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH /system/lib64
      LINK_OPTIONS
      "-stdlib=libc++;-static-libstdc++;-static-libgcc;-s;-fuse-ld=lld")
    target_link_libraries(shared_${library} PRIVATE -Wl,--whole-archive)
  endforeach()
  target_link_libraries(shared_binder PRIVATE
    $<TARGET_FILE:binder> $<TARGET_FILE:utils> $<TARGET_FILE:cutils> $<TARGET_FILE:base> $<TARGET_FILE:log>
    -Wl,--no-whole-archive -Wl,-Bstatic -lc++abi -Wl,-Bdynamic)
  add_dependencies(shared_binder binder utils cutils base log)
  target_link_libraries(shared_ndk PRIVATE
    $<TARGET_FILE:ndk> -Wl,--no-whole-archive -Wl,-Bstatic -lc++abi -Wl,-Bdynamic shared_binder)
  add_dependencies(shared_ndk ndk)
endfunction()

cmake_language(DEFER CALL add_shared_libraries)
