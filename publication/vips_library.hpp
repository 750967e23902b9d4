#pragma once
// libvips, loaded when the first picture is looked at: it brings sixty libraries along, whose linking is most of what the
// start of every command and of every isolated process would cost.

#include <vips/vips.h>

namespace carrel::publication {

struct vips_library {
  decltype(&::vips_init) init;
  decltype(&::vips_concurrency_set) concurrency_set;
  decltype(&::vips_cache_set_max) cache_set_max;
  decltype(&::vips_operation_block_set) operation_block_set;
  decltype(&::vips_error_buffer) error_buffer;
  decltype(&::vips_error_clear) error_clear;
  decltype(&::vips_image_new_from_buffer) image_new_from_buffer;
  decltype(&::vips_image_get_width) image_get_width;
  decltype(&::vips_image_get_height) image_get_height;
  decltype(&::vips_image_get_bands) image_get_bands;
  decltype(&::vips_image_get_typeof) image_get_typeof;
  decltype(&::vips_image_get_interpretation) image_get_interpretation;
  decltype(&::vips_image_hasalpha) image_hasalpha;
  decltype(&::vips_array_double_newv) array_double_newv;
  decltype(&::vips_area_unref) area_unref;
  decltype(&::vips_thumbnail_buffer) thumbnail_buffer;
  decltype(&::vips_flatten) flatten;
  decltype(&::vips_colourspace) colourspace;
  decltype(&::vips_deviate) deviate;
  decltype(&::vips_jpegsave_buffer) jpegsave_buffer;
  decltype(&::g_object_unref) object_unref;
  decltype(&::g_free) free;
  decltype(&::g_log_set_handler) log_set_handler;
};

// Loaded and begun by the first caller; it stays. Null, and said in the log, when it cannot be loaded.
const vips_library* vips();

}  // namespace carrel::publication
