#include "library/book.hpp"

namespace carrel::library {
namespace {

json::value text_or_null(const std::string& s) { return s.empty() ? json::value() : json::value(s); }

json::array names_of(const std::vector<person>& people) {
  json::array out;
  for (const person& p : people) out.emplace_back(p.name);
  return out;
}

json::object file_json(const book_file& f, const std::string& base) {
  return {{"id", f.id},
          {"format", f.format},
          {"size", f.size},
          {"checksum", f.checksum},
          {"content_hash", text_or_null(f.content_hash)},
          {"md5", text_or_null(f.md5)},
          {"koreader_partial_md5", text_or_null(f.koreader_md5)},
          {"name", f.download_name},
          {"original_name", f.original_name},
          {"protected", !f.drm.empty()},
          {"missing", f.missing},
          {"duration_ms", f.duration > 0 ? json::value(f.duration) : json::value()},
          {"url", base + "/" + f.book_id.text() + "/files/" + f.id.text()}};
}

}  // namespace

json::object to_json(const book& b, const std::string& base) {
  json::object o{{"id", b.id}, {"status", b.status}, {"title", b.title}, {"subtitle", text_or_null(b.subtitle)}};
  o.set("authors", names_of(b.authors));

  json::array contributors, narrators, tags, files;
  for (const person& p : b.contributors) {
    contributors.push_back(json::object{{"name", p.name}, {"role", p.role}});
    if (p.role == "nrt") narrators.emplace_back(p.name);
  }
  o.set("contributors", std::move(contributors)).set("narrators", std::move(narrators));

  if (b.series.empty())
    o.set("series", nullptr);
  else
    o.set("series", json::object{{"name", b.series}, {"index", b.series_index}});

  o.set("languages", b.languages);
  json::object identifiers;
  for (const auto& [scheme, value] : b.identifiers) identifiers.set(scheme, value);
  o.set("identifiers", std::move(identifiers));
  o.set("description", text_or_null(b.description)).set("publisher", text_or_null(b.publisher));
  o.set("published", text_or_null(b.published_on)).set("genres", b.genres);
  for (const tag& t : b.tags) tags.emplace_back(t.name);
  o.set("tags", std::move(tags)).set("page_count", b.page_count);

  for (const book_file& f : b.files) files.push_back(file_json(f, base));
  o.set("files", std::move(files));
  if (b.cover) {
    std::string cover = base + "/" + b.id.text() + "/cover?width=";
    o.set("cover",
          json::object{{"small", cover + "300&v=" + b.cover->version()}, {"large", cover + "1600&v=" + b.cover->version()}});
  } else {
    o.set("cover", nullptr);
  }
  o.set("locked_fields", b.locked_fields).set("possible_duplicate_of", b.possible_duplicate_of);
  o.set("created_at", b.created_at).set("updated_at", b.updated_at);
  return o;
}

}  // namespace carrel::library
