# AIDL interfaces of libbinder's as C++: needs AIDL, LIBBINDER and GENERATED.
#
# What Debian's aidl, of Android 10, does not parse, is replaced: expressions by their values. What may be null, it makes
# a unique_ptr; libbinder expects an optional in its place.
function(aosp_interfaces target)
  foreach(interface ${ARGN})
    file(READ ${LIBBINDER}/aidl/android/os/${interface}.aidl text)
    foreach(bit RANGE 4)
      math(EXPR value "1 << ${bit}")
      string(REPLACE "= 1 << ${bit};" "= ${value};" text "${text}")
    endforeach()
    string(REGEX REPLACE "=[ \n]*DUMP_FLAG_PRIORITY_CRITICAL[^;]*;" "= 15;" text "${text}")
    file(WRITE ${GENERATED}/aidl/android/os/${interface}.aidl "${text}")
    set(stem ${GENERATED}/android/os/)
    set(generated ${stem}${interface}.cpp)
    set(headers ${stem}${interface}.h)
    if(interface MATCHES "^I([A-Z].*)")
      list(APPEND headers ${stem}Bn${CMAKE_MATCH_1}.h ${stem}Bp${CMAKE_MATCH_1}.h)
    endif()
    add_custom_command(
      OUTPUT ${generated}
      COMMAND ${AIDL} --lang=cpp -I ${GENERATED}/aidl -h ${GENERATED} -o ${GENERATED}
              ${GENERATED}/aidl/android/os/${interface}.aidl
      COMMAND sed -i s/::std::unique_ptr/::std::optional/g ${generated} ${headers}
      VERBATIM)
    target_sources(${target} PRIVATE ${generated})
  endforeach()
endfunction()
