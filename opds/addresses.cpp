#include "opds/addresses.hpp"

#include <algorithm>

#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {

std::string_view type_of(kind k, form f) {
  if (f == form::json) return "application/opds+json";
  return k == kind::navigation ? "application/atom+xml;profile=opds-catalog;kind=navigation"
                               : "application/atom+xml;profile=opds-catalog;kind=acquisition";
}

std::string_view entry_type(form f) {
  return f == form::json ? "application/opds-publication+json" : "application/atom+xml;type=entry;profile=opds-catalog";
}

std::string query_text(params all) {
  std::sort(all.begin(), all.end());
  std::string out;
  for (const auto& [name, value] : all) {
    out += out.empty() ? '?' : '&';
    out += name;
    out += '=';
    out += percent_encode(value);
  }
  return out;
}

std::string feed_id(const uuid& instance, const place& p) {
  return "urn:uuid:" + uuid::of_name(instance, "/opds" + p.path + query_text(p.filters)).text();
}

std::string section_id(const uuid& instance, const place& p) {
  return "urn:uuid:" + uuid::of_name(instance, "nav /opds" + p.path + query_text(p.filters)).text();
}

std::string cover_signing::signature(const uuid& book, int size, std::string_view version, std::int64_t in_window) const {
  std::string message = "cover|" + book.text() + "|" + std::to_string(size) + "|";
  message += version;
  message += "|" + std::to_string(in_window);
  return base64url(hmac_sha256(key, message).substr(0, 16));
}

std::string addresses::feed(const place& p, const params& extra) const {
  params all = p.filters;
  all.insert(all.end(), extra.begin(), extra.end());
  if (page_size_) all.emplace_back("n", std::to_string(*page_size_));
  return tree() + p.path + query_text(std::move(all));
}

std::string addresses::search_template() const {
  // KOReader puts its own question in the place of all from the brace on, so nothing may be asked before it (opds.md 9.1).
  if (form_ == form::json) return tree() + "/search{?query,title,author}";
  std::string n = page_size_ ? "n=" + std::to_string(*page_size_) + "&" : "";
  return base_ + "/opds/search?" + n + "q={searchTerms}";
}

std::string addresses::search_description() const { return feed({"/search.xml", {}}); }

std::string addresses::download(const library::book_file& file) const {
  std::string name = file.download_name.empty() ? "book." + file.format : file.download_name;
  return base_ + "/opds/dl/" + file.id.text() + "/" + percent_encode(name);
}

std::string addresses::page(const uuid& file, int from_one) const {
  return base_ + "/opds/pages/" + file.text() + "/" + std::to_string(from_one);
}

std::string addresses::resource(const uuid& file, std::string_view path) const {
  return base_ + "/opds/res/" + file.text() + "/" + encoded_path(path);
}

std::string encoded_path(std::string_view path) {
  std::size_t mark = path.find('#');
  std::string out;
  for (std::string_view rest = path.substr(0, mark);;) {
    std::size_t slash = rest.find('/');
    out += percent_encode(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    out += '/';
    rest.remove_prefix(slash + 1);
  }
  if (mark != std::string_view::npos) out += "#" + percent_encode(path.substr(mark + 1));
  return out;
}

std::string addresses::cover(const uuid& book, int size, const library::cover_ref& cover, const cover_signing& signing) const {
  std::string out = base_ + "/covers/" + book.text() + "/" + std::to_string(size) + "?";
  if (signing.window != 0) {
    out += "e=" + std::to_string(signing.window) + "&s=" + signing.signature(book, size, cover.version(), signing.window) + "&";
  }
  return out + "v=" + cover.version();
}

}  // namespace carrel::opds
