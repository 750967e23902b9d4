#include "kobo/envelopes.hpp"

#include <algorithm>

#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

constexpr std::size_t longest_stem = 80;
constexpr std::string_view some_category = "00000000-0000-0000-0000-000000000001";

// 2, 2.5, 0.125; no trailing zeros (7.3).
std::string number_text(double n) {
  std::string out = shortest(n);
  return out.ends_with(".0") ? out.substr(0, out.size() - 2) : out;
}

json::object entitlement_of(const uuid& id, instant created, instant modified, bool removed) {
  return {{"Accessibility", "Full"},
          {"ActivePeriod", json::object{{"From", created}}},
          {"Created", created},
          {"CrossRevisionId", id},
          {"Id", id},
          {"IsHiddenFromArchive", false},
          {"IsLocked", false},
          {"IsRemoved", removed},
          {"LastModified", modified},
          {"OriginCategory", "Imported"},
          {"RevisionId", id},
          {"Status", "Active"}};
}

// What is the same in every book's metadata, a removal's included.
json::object constants_of(const uuid& id, const std::string& title) {
  return {{"Categories", json::array{some_category}},
          {"CrossRevisionId", id},
          {"CurrentDisplayPrice", json::object{{"CurrencyCode", "USD"}, {"TotalAmount", 0}}},
          {"CurrentLoveDisplayPrice", json::object{{"TotalAmount", 0}}},
          {"EntitlementId", id},
          {"ExternalIds", json::array{}},
          {"Genre", some_category},
          {"IsEligibleForKoboLove", false},
          {"IsInternetArchive", false},
          {"IsPreOrder", false},
          {"IsSocialEnabled", true},
          {"PhoneticPronunciations", json::object{}},
          {"RevisionId", id},
          {"Title", title.empty() ? id.text() : title},
          {"WorkId", id}};
}

std::string format_of(const delivery& d) {
  if (d.file.is_kepub) return "KEPUB";
  if (d.fixed_layout) return "EPUB3FL";
  return d.epub3 ? "EPUB3" : "EPUB";
}

std::string isbn_of(const library::book& b) {
  for (const auto& [scheme, value] : b.identifiers) {
    if (scheme == "isbn_13") return value;
  }
  return "";
}

// A year, a month or a day; the rest of the date is its first.
std::string publication_date(const library::book& b, instant added) {
  const std::string& text = b.published_on;
  bool year = text.size() >= 4 && std::all_of(text.begin(), text.begin() + 4, [](char c) { return c >= '0' && c <= '9'; });
  if (!year) return rfc3339(added).substr(0, 10) + "T00:00:00Z";
  std::string month = text.size() >= 7 ? text.substr(5, 2) : "01", day = text.size() >= 10 ? text.substr(8, 2) : "01";
  return text.substr(0, 4) + "-" + month + "-" + day + "T00:00:00Z";
}

json::object series_of(const library::book& b) {
  if (!b.series_id) return {};
  json::object out{{"Id", uuid::of_name(*b.series_id, "kobo series")}, {"Name", b.series}};
  if (b.series_index) out.set("Number", number_text(*b.series_index)).set("NumberFloat", *b.series_index);
  return out;
}

}  // namespace

std::string device_base::download(const uuid& entitlement, const library::book_file& f) const {
  std::string name = f.download_name.empty() ? "book.epub" : f.download_name;
  std::string_view wanted = f.is_kepub ? ".kepub.epub" : ".epub";
  std::string stem = name.substr(0, name.find('.'));
  std::string ascii = publication::ascii_name(stem);
  ascii.resize(std::min(ascii.size(), longest_stem));
  return text + "/download/" + entitlement.text() + "/" + f.checksum.substr(0, 12) + "/" + percent_encode(ascii) +
         std::string(wanted);
}

json::object book_metadata(const uuid& id, const delivery& d, const device_base& base, bool first_time) {
  const library::book& b = d.book;
  json::object out = constants_of(id, b.title);
  json::array names, roles;
  for (const library::person& p : b.authors) {
    names.push_back(p.name);
    roles.push_back(json::object{{"Name", p.name}, {"Role", "Author"}});
  }
  out.set("Contributors", std::move(names)).set("ContributorRoles", std::move(roles));
  if (b.cover) out.set("CoverImageId", id.text() + "-" + b.cover->version());
  out.set("Description", b.description.empty() ? " " : b.description);
  out.set("DownloadUrls", json::array{json::object{{"DrmType", "None"},
                                                   {"Format", format_of(d)},
                                                   {"Platform", "Generic"},
                                                   {"Size", d.file.size},
                                                   {"Url", base.download(id, d.file)}}});
  if (std::string isbn = isbn_of(b); !isbn.empty()) out.set("Isbn", isbn).set("ISBN", isbn);
  std::string language = b.languages.empty() ? "" : b.languages.front().substr(0, b.languages.front().find('-'));
  out.set("Language", language.size() == 2 ? language : "en");
  out.set("PublicationDate", publication_date(b, d.added));
  out.set("Publisher", json::object{{"Imprint", ""}, {"Name", b.publisher}});
  // An empty one takes away what an earlier version said (7.3).
  if (b.series_id || !first_time) out.set("Series", series_of(b));
  if (!b.subtitle.empty()) out.set("SubTitle", b.subtitle).set("Subtitle", b.subtitle);
  return out;
}

json::object new_entitlement(const uuid& id, const delivery& d, const reading_state* state, const device_base& base,
                             instant modified, bool first_time) {
  json::object inside{{"BookEntitlement", entitlement_of(id, d.added, modified, false)},
                      {"BookMetadata", book_metadata(id, d, base, first_time)},
                      {"ReadingState", state_json(id, state, d.added)}};
  return {{"NewEntitlement", std::move(inside)}};
}

json::array changed_metadata(const uuid& id, const delivery& d, const reading_state* state, const device_base& base,
                             metadata_form form) {
  instant modified = d.book.updated_at;
  json::array out;
  if (form == metadata_form::pair) out.push_back(new_entitlement(id, d, state, base, modified, false));
  json::object metadata = book_metadata(id, d, base, false);
  if (form == metadata_form::container) {
    metadata =
        json::object{{"BookEntitlement", entitlement_of(id, d.added, modified, false)}, {"BookMetadata", std::move(metadata)}};
  }
  out.push_back(json::object{{"ChangedProductMetadata", std::move(metadata)}});
  return out;
}

json::object preview(const uuid& id, const delivery& d, const device_base& base, instant session_created) {
  json::object entitlement = entitlement_of(id, d.added, session_created, false);
  entitlement.set("Accessibility", "Preview");
  json::object inside{{"BookEntitlement", std::move(entitlement)}, {"BookMetadata", book_metadata(id, d, base, false)}};
  return {{"ChangedEntitlement", std::move(inside)}};
}

json::object removal(const uuid& id, const std::string& title, instant session_created) {
  json::object metadata = constants_of(id, title);
  metadata.set("Contributors", json::array{}).set("ContributorRoles", json::array{});
  metadata.set("Description", " ").set("DownloadUrls", json::array{}).set("Language", "en");
  json::object inside{{"BookEntitlement", entitlement_of(id, session_created, session_created, true)},
                      {"BookMetadata", std::move(metadata)}};
  return {{"ChangedEntitlement", std::move(inside)}};
}

json::object changed_state(const uuid& id, const reading_state* state, instant added) {
  return {{"ChangedReadingState", json::object{{"ReadingState", state_json(id, state, added)}}}};
}

json::object tag_item(const char* kind, const collection& c) {
  json::array items;
  for (const uuid& id : c.members) items.push_back(json::object{{"RevisionId", id}, {"Type", "ProductRevisionTagItem"}});
  json::object tag{{"Created", c.created},      {"Id", c.id},     {"Items", std::move(items)},
                   {"LastModified", c.changed}, {"Name", c.name}, {"Type", "UserTag"}};
  return {{kind, json::object{{"Tag", std::move(tag)}}}};
}

json::object deleted_tag(const uuid& id, instant session_created) {
  return {{"DeletedTag", json::object{{"Tag", json::object{{"Id", id}, {"LastModified", session_created}}}}}};
}

}  // namespace carrel::kobo
