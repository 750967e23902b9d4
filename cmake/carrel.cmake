# What every folder of Carrel uses to describe itself.

find_program(CARREL_CCACHE ccache)
if(CARREL_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CARREL_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${CARREL_CCACHE}")
endif()
find_program(CARREL_MOLD mold)
if(CARREL_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
# g++ 12 reports false positives of these inside inlined standard containers and coroutine frames at -O1 and above.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-mismatched-new-delete)
endif()

option(CARREL_TESTS "build the tests" ON)

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
set(Boost_NO_WARN_NEW_VERSIONS ON)  # what its old list of dependencies does not know we name ourselves
find_package(Boost 1.81 EXACT REQUIRED COMPONENTS json)
find_package(OpenSSL REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(pugixml REQUIRED)

# carrel_library(NAME FOLDER SOURCES... DEPENDS lib... SYSTEM lib...)
#
# A static library of the files in FOLDER. Its headers are reachable only through a link to it: the include path
# of a library holds nothing but that library's folder, so an include that the layers forbid does not build.
function(carrel_library name folder)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;SYSTEM;PRIVATE_SYSTEM" ${ARGN})
  set(layer "${CMAKE_BINARY_DIR}/layers/${name}")
  get_filename_component(parent "${layer}/${folder}" DIRECTORY)
  file(MAKE_DIRECTORY "${parent}")
  file(CREATE_LINK "${CMAKE_SOURCE_DIR}/${folder}" "${layer}/${folder}" SYMBOLIC)
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    target_include_directories(${name} PUBLIC "${layer}")
    target_link_libraries(${name} PUBLIC ${arg_DEPENDS} ${arg_SYSTEM} Threads::Threads PRIVATE ${arg_PRIVATE_SYSTEM})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE "${layer}")
    target_link_libraries(${name} INTERFACE ${arg_DEPENDS} ${arg_SYSTEM} Threads::Threads)
  endif()
endfunction()

# A pkg-config module as an imported target with system headers: PkgConfig::NAME.
function(carrel_pkg name module)
  if(NOT TARGET PkgConfig::${name})
    pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${module})
  endif()
endfunction()
