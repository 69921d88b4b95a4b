# AOSP's own tests of libbinder, beside what device_agents/aosp builds: included by that recipe
# (CMAKE_PROJECT_aosp_INCLUDE), whose libraries and flags they use. Nothing in the sources is changed.
#
# GOOGLETEST  Debian's source tree of googletest: its library is linked with another C++ library than AOSP's
#
# BUILD/tests has the programs, each under AOSP's name; the target is aosp_tests.

set(TESTS ${CMAKE_CURRENT_LIST_DIR})

function(aosp_test name)
  add_executable(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_compile_options(${name} PRIVATE -w
    "SHELL:-include sys/ioctl.h -include sys/resource.h -include unistd.h") # as Android's C library has them
  target_compile_definitions(${name} PRIVATE PAGE_SIZE=4096) # in Android's <limits.h>
  target_include_directories(${name} SYSTEM PRIVATE ${GENERATED}/tests)
  target_link_libraries(${name} binder gtest)
  add_dependencies(aosp_tests ${name})
endfunction()

# The C++ of an interface, which may take others beside it, by both of libbinder's interfaces.
function(test_interface directory name)
  foreach(language cpp ndk)
    foreach(interface ${name} ${ARGN})
      set(generated ${GENERATED}/tests/${interface}_${language}.cpp)
      file(READ ${directory}/${interface}.aidl text)
      string(REPLACE "@SensitiveData" "" text "${text}") # which Debian's aidl, of Android 10, does not know
      file(WRITE ${GENERATED}/tests/aidl-files/${interface}.aidl "${text}")
      add_custom_command(
        OUTPUT ${generated}
        COMMAND ${AIDL} --lang=${language} -I ${GENERATED}/tests/aidl-files -h ${GENERATED}/tests -o ${GENERATED}/tests/${language}
                ${GENERATED}/tests/aidl-files/${interface}.aidl
        COMMAND ${CMAKE_COMMAND} -E copy ${GENERATED}/tests/${language}/${interface}.cpp ${generated}
        VERBATIM)
      # Debian's aidl, of Android 10, makes objects by `new`, which has been private since Android 12.
      set_source_files_properties(${generated} PROPERTIES COMPILE_OPTIONS -fno-access-control)
      list(APPEND sources ${generated})
    endforeach()
  endforeach()
  set(${name}_sources ${sources} PARENT_SCOPE)
endfunction()

function(add_tests)
  add_custom_target(aosp_tests)
  add_library(gtest STATIC
    ${GOOGLETEST}/googletest/src/gtest-all.cc ${GOOGLETEST}/googletest/src/gtest_main.cc
    ${GOOGLETEST}/googlemock/src/gmock-all.cc)
  target_include_directories(gtest SYSTEM PUBLIC ${GOOGLETEST}/googletest/include ${GOOGLETEST}/googlemock/include)
  target_include_directories(gtest PRIVATE ${GOOGLETEST}/googletest ${GOOGLETEST}/googlemock)
  target_compile_options(gtest PRIVATE -w)

  set(tests ${LIBBINDER}/tests)
  if(GENERATION LESS 12)
    set(libbase ${CORE}/base)
  else()
    set(libbase ${SOURCE}/system/libbase)
  endif()
  aosp_test(binderDriverInterfaceTest ${tests}/binderDriverInterfaceTest.cpp)
  aosp_test(binderLibTest ${tests}/binderLibTest.cpp)
  aosp_test(binderSafeInterfaceTest ${tests}/binderSafeInterfaceTest.cpp ${CORE}/libutils/NativeHandle.cpp)
  aosp_test(binderTextOutputTest ${tests}/binderTextOutputTest.cpp ${libbase}/test_utils.cpp)
  if(GENERATION LESS 11) # whose libbinder has neither stability nor an NDK that these test
    return()
  endif()

  set(ndk ${LIBBINDER}/ndk)
  set(lazy ${NATIVE}/libs/android_runtime_lazy)
  file(GLOB sources ${ndk}/*.cpp)
  if(GENERATION LESS 12)
    list(APPEND sources ${LIBBINDER}/ParcelFileDescriptor.cpp)
  else()
    list(APPEND sources ${LIBBINDER}/LazyServiceRegistrar.cpp)
  endif()
  add_library(binder_ndk STATIC ${sources} ${lazy}/android_runtime_lazy.cpp)
  target_include_directories(binder_ndk SYSTEM PUBLIC
    ${TESTS}/include ${ndk}/include_ndk ${ndk}/include_platform ${ndk}/include_cpp ${ndk}/include_apex ${ndk}
    ${lazy}/include ${SOURCE}/libnativehelper/include_jni)
  target_compile_options(binder_ndk PUBLIC -w "SHELL:-include ndk.h")
  target_compile_definitions(binder_ndk PUBLIC __ANDROID_API__=10000)
  target_link_libraries(binder_ndk PUBLIC binder)

  test_interface(${tests} IBinderStabilityTest)
  aosp_test(binderStabilityTest ${tests}/binderStabilityTest.cpp ${IBinderStabilityTest_sources})
  file(GLOB ndk_tests ${ndk}/test ${ndk}/tests)
  test_interface(${ndk_tests} IBinderNdkUnitTest IEmpty)
  aosp_test(libbinder_ndk_unit_test
    ${ndk_tests}/libbinder_ndk_unit_test.cpp ${ndk_tests}/iface.cpp ${IBinderNdkUnitTest_sources})
  target_include_directories(libbinder_ndk_unit_test PRIVATE ${ndk_tests}/include)
  foreach(test binderStabilityTest libbinder_ndk_unit_test)
    target_link_libraries(${test} binder_ndk)
  endforeach()
endfunction()

cmake_language(DEFER CALL add_tests)
