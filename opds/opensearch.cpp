#include "opds/atom_parts.hpp"
#include "opds/search.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

void template_url(std::string& out, std::string_view address) {
  out += "  <Url";
  parts::attribute(out, "type", type_of(kind::acquisition));
  parts::attribute(out, "template", address);
  out += "/>\n";
}

}  // namespace

std::string description_document(const addresses& at, tongue t) {
  std::string plain = at.search_template();
  // `{searchTerms?}` so that an exact search for {searchTerms} ends at the plain one, whichever is taken (opds.md 6.3).
  std::string fielded = plain.substr(0, plain.size() - 1) + "?}";
  fielded += "&author={atom:author?}&title={atom:title?}&contributor={atom:contributor?}";
  std::string out =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<OpenSearchDescription xmlns=\"http://a9.com/-/spec/opensearch/1.1/\" xmlns:atom=\"http://www.w3.org/2005/Atom\">\n"
      "  <ShortName>Carrel</ShortName>\n"
      "  <Description>" +
      phrase("Search titles, authors, series, tags and identifiers").in(t) + "</Description>\n";
  template_url(out, plain);
  template_url(out, fielded);
  out +=
      "  <Query role=\"example\" searchTerms=\"lighthouse\"/>\n"
      "  <Language>*</Language>\n"
      "  <InputEncoding>UTF-8</InputEncoding>\n"
      "  <OutputEncoding>UTF-8</OutputEncoding>\n"
      "</OpenSearchDescription>\n";
  return out;
}

task<http::response> show_description(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::string body = description_document(v.at, v.tongue);
  http::validators tags{.etag = "\"" + sha256_hex(body).substr(0, 16) + "\"",
                        .modified = std::chrono::floor<std::chrono::seconds>(s.started)};
  http::response r = http::unchanged(c.in, tags) ? http::not_modified(tags) : http::xml(std::move(body), search_type);
  if (r.status == 200) {
    r.set("Content-Type", std::string(search_type) + ";charset=utf-8");
    r.set("ETag", tags.etag);
    r.set("Last-Modified", http_date(*tags.modified));
  }
  r.set("Cache-Control", "private, max-age=3600");
  r.set("Vary", "Authorization, Accept-Encoding, Accept-Language");
  co_return r;
}

}  // namespace carrel::opds
