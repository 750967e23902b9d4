# Bundles assets/ into OUT with esbuild, in the npm folder WORK. Without node, or when npm cannot reach its registry, the pages
# get the same style and Carrel's own script as they are, without htmx: everything works, with whole page loads.
file(MAKE_DIRECTORY "${WORK}" "${OUT}")
find_program(npm npm)
set(bundled FALSE)
if(npm)
  file(COPY "${SOURCE}/package.json" "${SOURCE}/package-lock.json" DESTINATION "${WORK}")
  execute_process(COMMAND "${npm}" ci --ignore-scripts --no-audit --no-fund --loglevel=error
                  WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE failed OUTPUT_QUIET)
  if(NOT failed)
    # esbuild looks for packages above the entry file, so the sources are put next to node_modules.
    file(COPY "${SOURCE}/assets" DESTINATION "${WORK}")
    set(options --minify --log-level=warning --legal-comments=none)
    execute_process(COMMAND node_modules/.bin/esbuild assets/main.js --bundle --format=iife --target=es2019 ${options} "--outfile=${OUT}/app.js"
                    WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE failed_script)
    execute_process(COMMAND node_modules/.bin/esbuild assets/carrel.css --target=chrome90,firefox90,safari14 ${options} "--outfile=${OUT}/carrel.css"
                    WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE failed_style)
    if(failed_script OR failed_style)
      message(FATAL_ERROR "esbuild failed")
    endif()
    set(bundled TRUE)
  endif()
endif()
if(NOT bundled)
  message(WARNING "npm packages are not available: the pages are built without htmx")
  file(READ "${SOURCE}/assets/own.js" own)
  file(READ "${SOURCE}/assets/kobo.js" kobo)
  file(READ "${SOURCE}/assets/review.js" review)
  file(READ "${SOURCE}/assets/bulk.js" bulk)
  file(WRITE "${OUT}/app.js" "{\n${own}}\n{\n${kobo}}\n{\n${review}}\n{\n${bulk}}\n")
  file(COPY_FILE "${SOURCE}/assets/carrel.css" "${OUT}/carrel.css")
endif()
file(COPY "${SOURCE}/assets/icons.svg" "${SOURCE}/assets/mark.svg" DESTINATION "${OUT}")
file(TOUCH "${OUT}/app.js" "${OUT}/carrel.css" "${OUT}/icons.svg" "${OUT}/mark.svg")
