# btr_room(NAME SOURCES file... USES target... [LIBRARIES target...] [HEADERS name.h...])
# One static library a room. Its public headers lie in include/btr and are the only ones another room can
# find; a room that does not name another in USES cannot include it. LIBRARIES stay private.
function(btr_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;LIBRARIES;HEADERS" ${ARGN})
  add_library(btr_${name} STATIC ${ROOM_SOURCES})
  list(TRANSFORM ROOM_HEADERS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/include/btr/)
  # Headers are C, also where a room has a C++ file: all_verify_interface_header_sets compiles each alone as such.
  set_source_files_properties(${ROOM_HEADERS} PROPERTIES LANGUAGE C)
  target_sources(btr_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_CURRENT_SOURCE_DIR}/include FILES ${ROOM_HEADERS})
  target_include_directories(btr_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(btr_${name} PUBLIC ${ROOM_USES} PRIVATE ${ROOM_LIBRARIES})
endfunction()

# btr_test(ROOM NAME SOURCES file... [LIBRARIES target...])
# A cmocka executable; `tests/` may see private headers of its room.
function(btr_test room)
  cmake_parse_arguments(TEST "" "NAME" "SOURCES;LIBRARIES" ${ARGN})
  set(name test_${TEST_NAME})
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/${room} ${CMAKE_SOURCE_DIR}/tests/lib)
  target_link_libraries(${name} PRIVATE btr_${room} ${TEST_LIBRARIES} PkgConfig::CMOCKA)
  target_compile_definitions(${name} PRIVATE BTR_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${TEST_NAME} COMMAND ${name})
endfunction()
