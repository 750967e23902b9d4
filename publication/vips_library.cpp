#include "publication/vips_library.hpp"

#include <dlfcn.h>

#include <optional>
#include <string>

#include "server/core/log.hpp"

namespace carrel::publication {
namespace {

constexpr const char* file = "libvips.so.42";  // the name of its binary interface, which is that of these headers

// What libvips has to say about damaged files is told by our own codes.
void drop_message(const char*, GLogLevelFlags, const char*, void*) {}

std::optional<vips_library> load() {
  // Never unloaded: GLib's types cannot be.
  void* library = ::dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  bool whole = library != nullptr;
  auto symbol = [&]<class F>(F& into, const char* name) {
    into = whole ? reinterpret_cast<F>(::dlsym(library, name)) : nullptr;
    whole = into != nullptr;
  };
  vips_library v{};
  symbol(v.init, "vips_init");
  symbol(v.concurrency_set, "vips_concurrency_set");
  symbol(v.cache_set_max, "vips_cache_set_max");
  symbol(v.operation_block_set, "vips_operation_block_set");
  symbol(v.error_buffer, "vips_error_buffer");
  symbol(v.error_clear, "vips_error_clear");
  symbol(v.image_new_from_buffer, "vips_image_new_from_buffer");
  symbol(v.image_get_width, "vips_image_get_width");
  symbol(v.image_get_height, "vips_image_get_height");
  symbol(v.image_get_bands, "vips_image_get_bands");
  symbol(v.image_get_typeof, "vips_image_get_typeof");
  symbol(v.image_get_interpretation, "vips_image_get_interpretation");
  symbol(v.image_hasalpha, "vips_image_hasalpha");
  symbol(v.array_double_newv, "vips_array_double_newv");
  symbol(v.area_unref, "vips_area_unref");
  symbol(v.thumbnail_buffer, "vips_thumbnail_buffer");
  symbol(v.flatten, "vips_flatten");
  symbol(v.colourspace, "vips_colourspace");
  symbol(v.deviate, "vips_deviate");
  symbol(v.jpegsave_buffer, "vips_jpegsave_buffer");
  symbol(v.object_unref, "g_object_unref");
  symbol(v.free, "g_free");
  symbol(v.log_set_handler, "g_log_set_handler");
  if (!whole || v.init("carrel") != 0) {
    const char* why = whole ? "it does not start" : ::dlerror();
    log::error("publication.pictures", {{"library", file}, {"error", why == nullptr ? "" : why}});
    return std::nullopt;
  }
  return v;
}

void begin(const vips_library& v) {
  v.concurrency_set(1);
  v.cache_set_max(0);
  v.log_set_handler("VIPS", static_cast<GLogLevelFlags>(G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO),
                    &drop_message, nullptr);
  v.operation_block_set("VipsForeignLoad", TRUE);
  for (const char* allowed : {"VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadWebp", "VipsForeignLoadNsgif"})
    v.operation_block_set(allowed, FALSE);
}

}  // namespace

const vips_library* vips() {
  static const std::optional<vips_library> loaded = [] {
    std::optional<vips_library> v = load();
    if (v) begin(*v);
    return v;
  }();
  return loaded ? &*loaded : nullptr;
}

}  // namespace carrel::publication
