#include "ingest/settings.hpp"

#include <algorithm>

#include "publication/limit_settings.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {

settings settings_from(const config& c) {
  settings out;
  out.drop_dir = c.is_set("ingest.drop_dir") ? std::filesystem::path(c.text("ingest.drop_dir"))
                                             : std::filesystem::path(c.text("data_dir")) / "drop";
  out.drop_dir = std::filesystem::absolute(out.drop_dir).lexically_normal();
  if (!out.drop_dir.has_filename()) out.drop_dir = out.drop_dir.parent_path();  // written with a slash at its end
  for (const std::string& root : c.list("library.roots")) out.roots.emplace_back(root);
  out.ignore = c.list("ingest.ignore");
  out.settle = c.duration("ingest.settle");
  out.sample_gap = std::clamp(out.settle / 3, std::chrono::milliseconds(20), std::chrono::milliseconds(2'000));
  const std::string& poll = c.text("ingest.poll");
  out.poll_off = poll == "off";
  if (poll != "auto" && poll != "off") {
    out.scan_every = c.duration("ingest.poll");
    out.poll_only = true;
  }
  if (c.text("ingest.auto_approve") != "off") out.auto_approve = to_double(c.text("ingest.auto_approve"));
  out.unite_subjects = c.text("ingest.subjects") == "union";
  out.comic_volume = c.on("ingest.comic_volume");
  for (const std::string& pair : c.list("ingest.calibre_columns")) {
    std::size_t equals = pair.find('=');
    out.calibre_columns.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  out.calibre_tags = c.text("ingest.calibre_tags");
  out.allowed = publication::limits_from(c);
  out.upload_limit = c.bytes("http.max_upload");
  out.workers = static_cast<unsigned>(std::clamp<std::int64_t>(c.integer("ingest.workers"), 1, 64));
  out.attic = std::chrono::days(c.integer("attic.days"));
  out.trash = std::chrono::days(c.integer("trash.days"));
  return out;
}

}  // namespace carrel::ingest
