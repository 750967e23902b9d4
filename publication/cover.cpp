#include "publication/cover.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "publication/vips_library.hpp"
#include "publication/xml.hpp"

namespace carrel::publication {
namespace {

constexpr std::int64_t most_pixels = 50'000'000;
constexpr int longest_side = 20'000, shortest_side = 8;
constexpr std::size_t most_bytes = 32u << 20;

struct image_closer {
  const vips_library* v = nullptr;
  void operator()(VipsImage* image) const { v->object_unref(image); }
};
using image = std::unique_ptr<VipsImage, image_closer>;

// By magic alone; nothing else ever reaches libvips (1.4 trap 1).
std::string picture_type(std::string_view b) {
  if (b.starts_with("\xff\xd8\xff")) return "image/jpeg";
  if (b.starts_with("\x89PNG\r\n\x1a\n")) return "image/png";
  if (b.starts_with("GIF87a") || b.starts_with("GIF89a")) return "image/gif";
  if (b.size() >= 12 && b.starts_with("RIFF") && b.substr(8, 4) == "WEBP") return "image/webp";
  return {};
}

refusal unreadable() { return {"cover_unreadable", "not a JPEG, PNG, WebP or GIF picture"}; }
refusal no_library() { return {"cover_unreadable", "libvips cannot be loaded"}; }

struct looked_at {
  picture_facts facts;
  bool profile = false;  // only these need the conversion to sRGB by profile, which costs more than the scaling itself
};

result<looked_at, refusal> look_at(std::string_view bytes) {
  looked_at out{.facts = {.mime = picture_type(bytes)}};
  picture_facts& facts = out.facts;
  if (facts.mime.empty()) return unreadable();
  if (bytes.size() > most_bytes) return refusal{"cover_too_large", "more than 32 MiB"};
  const vips_library* v = vips();
  if (v == nullptr) return no_library();
  v->error_clear();
  image header(v->image_new_from_buffer(bytes.data(), bytes.size(), "", nullptr), {v});
  v->error_clear();
  if (!header) return refusal{"cover_unreadable", "damaged"};
  facts.width = v->image_get_width(header.get());
  facts.height = v->image_get_height(header.get());
  if (facts.width > longest_side || facts.height > longest_side || std::int64_t{facts.width} * facts.height > most_pixels) {
    return refusal{"cover_too_large", std::to_string(facts.width) + " x " + std::to_string(facts.height) + " pixels"};
  }
  if (facts.width < shortest_side && facts.height < shortest_side) return refusal{"cover_unreadable", "too small"};
  out.profile = v->image_get_typeof(header.get(), VIPS_META_ICC_NAME) != 0 ||
                v->image_get_interpretation(header.get()) == VIPS_INTERPRETATION_CMYK;
  return out;
}

}  // namespace

bool can_read_pictures() { return vips() != nullptr; }

result<picture_facts, refusal> inspect_picture(std::string_view bytes) {
  result<looked_at, refusal> seen = look_at(bytes);
  if (!seen) return seen.error();
  return std::move(seen->facts);
}

bool looks_complete(std::string_view b) {
  std::string mime = picture_type(b);
  std::string_view tail = b.substr(b.size() > 512 ? b.size() - 512 : 0);
  if (mime == "image/jpeg") return tail.find("\xff\xd9") != std::string_view::npos;
  if (mime == "image/png") return tail.find("IEND") != std::string_view::npos;
  if (mime == "image/gif") return tail.find(';') != std::string_view::npos;
  if (mime != "image/webp") return false;
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < 4; ++i) size |= static_cast<std::uint32_t>(static_cast<unsigned char>(b[4 + i])) << (8 * i);
  return size <= b.size() - 8;
}

result<std::string, refusal> scale_picture(std::string_view bytes, box wanted, bool* damaged) {
  if (damaged != nullptr) *damaged = false;
  result<looked_at, refusal> seen = look_at(bytes);
  if (!seen) return seen.error();
  const vips_library* v = vips();
  v->error_clear();

  VipsImage* made = nullptr;
  const char* by_profile = seen->profile ? "export_profile" : nullptr;  // a null name ends the options
  // libvips takes the buffer without const and does not write to it.
  int failed = v->thumbnail_buffer(const_cast<char*>(bytes.data()), bytes.size(), &made, std::max(wanted.width, 1), "height",
                                   std::max(wanted.height, 1), "size", VIPS_SIZE_DOWN, "fail_on", VIPS_FAIL_ON_NONE, by_profile,
                                   "srgb", nullptr);
  image current(made, {v});
  if (failed != 0 || !current) {
    v->error_clear();
    return refusal{"cover_unreadable", "damaged"};
  }
  bool ok = true;
  if (v->image_hasalpha(current.get())) {
    VipsImage* next = nullptr;
    auto release = [v](VipsArrayDouble* a) { v->area_unref(&a->area); };
    std::unique_ptr<VipsArrayDouble, decltype(release)> white(v->array_double_newv(1, 255.0), release);
    ok = v->flatten(current.get(), &next, "background", white.get(), nullptr) == 0;
    if (ok) current.reset(next);
  }
  if (ok && wanted.grey && v->image_get_bands(current.get()) > 1) {
    VipsImage* next = nullptr;
    ok = v->colourspace(current.get(), &next, VIPS_INTERPRETATION_B_W, nullptr) == 0;
    if (ok) current.reset(next);
  }
  void* out = nullptr;
  std::size_t size = 0;
  if (ok) {
    ok = v->jpegsave_buffer(current.get(), &out, &size, "Q", std::clamp(wanted.quality, 1, 100), "strip", TRUE, "interlace",
                            FALSE, "subsample_mode", VIPS_FOREIGN_SUBSAMPLE_ON, nullptr) == 0;
  }
  std::unique_ptr<void, void (*)(void*)> owner(out, v->free);
  // A truncated file gives a picture and a text (1.4 trap 4).
  if (damaged != nullptr) *damaged = std::strlen(v->error_buffer()) > 0;
  v->error_clear();
  if (!ok || out == nullptr) return refusal{"cover_unreadable", "damaged"};
  return std::string(static_cast<const char*>(out), size);
}

std::optional<double> grey_spread(std::string_view scaled) {
  const vips_library* v = vips();
  if (v == nullptr || picture_type(scaled) != "image/jpeg") return std::nullopt;
  VipsImage* made = nullptr;
  int failed = v->thumbnail_buffer(const_cast<char*>(scaled.data()), scaled.size(), &made, 16, "height", 16, "size",
                                   VIPS_SIZE_FORCE, nullptr);
  image small(made, {v});
  if (failed == 0 && v->image_get_bands(small.get()) > 1) {
    VipsImage* next = nullptr;
    failed = v->colourspace(small.get(), &next, VIPS_INTERPRETATION_B_W, nullptr);
    if (failed == 0) small.reset(next);
  }
  double out = 0;
  if (failed == 0) failed = v->deviate(small.get(), &out, nullptr);
  v->error_clear();
  return failed == 0 ? std::optional(out) : std::nullopt;
}

result<cover_image, refusal> usable_cover(std::string bytes, std::vector<warning>& warnings) {
  result<picture_facts, refusal> facts = inspect_picture(bytes);
  if (!facts) return facts.error();
  if (!looks_complete(bytes)) {
    // It is decoded once, small: what comes out decides.
    bool damaged = false;
    if (!scale_picture(bytes, {.width = 64, .height = 64}, &damaged)) return refusal{"cover_damaged", ""};
    if (damaged) warn(warnings, "cover_damaged", "the picture is not complete");
  }
  return cover_image{std::move(bytes), facts->mime, facts->width, facts->height};
}

std::optional<cover_image> usable_cover(std::string bytes, const std::string& entry, bool declared,
                                        std::vector<warning>& warnings) {
  result<cover_image, refusal> cover = usable_cover(std::move(bytes), warnings);
  if (cover) {
    cover->entry = entry;
    return std::move(*cover);
  }
  // A picture that only looks like a cover is passed over in silence, unless it is half of one.
  const refusal& why = cover.error();
  if (declared || why.code == "cover_damaged") warn(warnings, why.code, why.detail.empty() ? entry : why.detail);
  return std::nullopt;
}

}  // namespace carrel::publication
