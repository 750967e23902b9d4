#include "kobo/envelopes.hpp"

#include <algorithm>

#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

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

std::string format_of(const deliverable& f) {
  if (f.is_kepub) return "KEPUB";
  if (f.fixed_layout) return "EPUB3FL";
  return f.epub3 ? "EPUB3" : "EPUB";
}

// A year, a month or a day; the rest of the date is its first.
std::string publication_date(const delivery& d) {
  const std::string& text = d.published_on;
  bool year = text.size() >= 4 && std::all_of(text.begin(), text.begin() + 4, [](char c) { return c >= '0' && c <= '9'; });
  if (!year) return rfc3339(d.added).substr(0, 10) + "T00:00:00Z";
  std::string month = text.size() >= 7 ? text.substr(5, 2) : "01", day = text.size() >= 10 ? text.substr(8, 2) : "01";
  return text.substr(0, 4) + "-" + month + "-" + day + "T00:00:00Z";
}

json::object series_of(const delivery& d) {
  if (!d.series_id) return {};
  json::object out{{"Id", uuid::of_name(*d.series_id, "kobo series")}, {"Name", d.series}};
  if (d.series_index) out.set("Number", number_text(*d.series_index)).set("NumberFloat", *d.series_index);
  return out;
}

}  // namespace

std::string device_base::download(const uuid& entitlement, const deliverable& f) const {
  std::string name = f.slug.empty() ? "book" : f.slug;
  return text + "/download/" + entitlement.text() + "/" + f.checksum.substr(0, 12) + "/" + name +
         (f.is_kepub ? ".kepub.epub" : ".epub");
}

json::object book_metadata(const uuid& id, const delivery& d, const device_base& base) {
  json::object out = constants_of(id, d.title);
  json::array names, roles;
  for (const std::string& name : d.authors) {
    names.push_back(name);
    roles.push_back(json::object{{"Name", name}, {"Role", "Author"}});
  }
  out.set("Contributors", std::move(names)).set("ContributorRoles", std::move(roles));
  if (!d.cover_version.empty()) out.set("CoverImageId", id.text() + "-" + d.cover_version);
  out.set("Description", d.description.empty() ? " " : d.description);
  json::array urls;
  urls.push_back(json::object{{"DrmType", "None"},
                              {"Format", format_of(d.file)},
                              {"Platform", "Generic"},
                              {"Size", d.file.size},
                              {"Url", base.download(id, d.file)}});
  out.set("DownloadUrls", std::move(urls));
  if (!d.isbn.empty()) out.set("Isbn", d.isbn).set("ISBN", d.isbn);
  std::string language = d.language.substr(0, d.language.find('-'));
  out.set("Language", language.size() == 2 ? language : "en");
  out.set("PublicationDate", publication_date(d));
  out.set("Publisher", json::object{{"Imprint", ""}, {"Name", d.publisher}});
  // An empty one takes away what an earlier version said (7.3).
  if (d.series_id || d.told_series) out.set("Series", series_of(d));
  if (!d.subtitle.empty()) out.set("SubTitle", d.subtitle).set("Subtitle", d.subtitle);
  return out;
}

json::object new_entitlement(const uuid& id, const delivery& d, const reading_state* state, const device_base& base,
                             instant modified) {
  json::object inside{{"BookEntitlement", entitlement_of(id, d.added, modified, false)},
                      {"BookMetadata", book_metadata(id, d, base)},
                      {"ReadingState", state_json(id, state, d.added)}};
  return {{"NewEntitlement", std::move(inside)}};
}

json::array changed_metadata(const uuid& id, const delivery& d, const reading_state* state, const device_base& base,
                             metadata_form form) {
  instant modified = d.updated_at;
  json::array out;
  if (form == metadata_form::pair) out.push_back(new_entitlement(id, d, state, base, modified));
  json::object metadata = book_metadata(id, d, base);
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
  json::object inside{{"BookEntitlement", std::move(entitlement)}, {"BookMetadata", book_metadata(id, d, base)}};
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
