// Windows Media.

#include <taglib/asfattribute.h>
#include <taglib/asffile.h>
#include <taglib/asfpicture.h>
#include <taglib/asfproperties.h>
#include <taglib/asftag.h>

#include "publication/audio/library.hpp"
#include "publication/audio/sound.hpp"

namespace carrel::publication::audio {
namespace {

constexpr std::size_t most_reads = 100'000;

void add_attribute(const std::string& name, const TagLib::ASF::Attribute& a, tags& out) {
  using kind = TagLib::ASF::Attribute;
  switch (a.type()) {
    case kind::UnicodeType: return out.add(name, utf8(a.toString()));
    case kind::BoolType: return out.add(name, a.toBool() != 0 ? "1" : "0");
    case kind::DWordType: return out.add(name, std::to_string(a.toUInt()));
    case kind::WordType: return out.add(name, std::to_string(a.toUShort()));
    default: break;
  }
  TagLib::ASF::Picture p = a.toPicture();
  if (p.isValid()) out.add_picture(bytes_of(p.picture()), p.type() == TagLib::ASF::Picture::FrontCover);
}

}  // namespace

result<sound, refusal> read_asf(const source& in, tags& out) {
  bounded_stream stream(in.descriptor, {0, in.size}, most_reads);
  TagLib::ASF::File file(&stream);
  if (stream.refused_a_block()) out.refuse_picture();
  if (!file.isValid() || file.tag() == nullptr || file.audioProperties() == nullptr) return unreadable();
  const TagLib::ASF::Tag& tag = *file.tag();
  out.add("TITLE", utf8(tag.title()));
  out.add("ARTIST", utf8(tag.artist()));
  out.add("COMMENT", utf8(tag.comment()));
  for (const auto& [name, values] : tag.attributeListMap()) {
    for (const TagLib::ASF::Attribute& a : values) add_attribute(utf8(name), a, out);
  }
  sound found;
  found.duration = file.audioProperties()->lengthInMilliseconds();
  if (file.audioProperties()->isEncrypted()) found.drm = "unknown";
  return found;
}

}  // namespace carrel::publication::audio
