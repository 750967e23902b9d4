#include "ingest/file_row.hpp"

namespace carrel::ingest {

library::new_file file_row(const uuid& file, const publication::opened& o, const publication::fingerprints& prints,
                           const std::string& storage) {
  const publication::kind* k = publication::find_kind(o.format);
  library::new_file f;
  f.id = file;
  f.format = o.format;
  f.mime = k != nullptr ? k->mime : "application/octet-stream";
  f.extension = k != nullptr ? k->extension : "." + o.format;
  f.storage_path = storage;
  f.size = static_cast<std::int64_t>(prints.size);
  f.checksum = prints.sha256;
  f.md5 = prints.md5;
  f.koreader_md5 = prints.koreader_md5;
  f.content_hash = o.content_hash;
  f.drm = o.about.drm;
  f.duration = o.about.duration;
  f.facts = library::facts_of(o.about);
  f.is_kepub = o.about.is_kepub;
  f.described = o.described;
  f.warnings = o.warnings;
  return f;
}

}  // namespace carrel::ingest
