// What a Kobo cannot take.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>
#include <span>

#include "server/core/uuid.hpp"
#include "tests/integration/kobo/fake_kobo.hpp"

namespace carrel::kobo::tests {
namespace {

enum class shape : std::uint8_t { text, id, moment, flag, number, list, object };
struct field {
  const char* name;
  shape is;
};

constexpr field entitlement_fields[] = {{"Accessibility", shape::text},
                                        {"ActivePeriod", shape::object},
                                        {"Created", shape::moment},
                                        {"CrossRevisionId", shape::id},
                                        {"Id", shape::id},
                                        {"IsHiddenFromArchive", shape::flag},
                                        {"IsLocked", shape::flag},
                                        {"IsRemoved", shape::flag},
                                        {"LastModified", shape::moment},
                                        {"OriginCategory", shape::text},
                                        {"RevisionId", shape::id},
                                        {"Status", shape::text}};

// A removal's too (8.5).
constexpr field metadata_fields[] = {{"Categories", shape::list},
                                     {"ContributorRoles", shape::list},
                                     {"Contributors", shape::list},
                                     {"CrossRevisionId", shape::id},
                                     {"CurrentDisplayPrice", shape::object},
                                     {"CurrentLoveDisplayPrice", shape::object},
                                     {"Description", shape::text},
                                     {"DownloadUrls", shape::list},
                                     {"EntitlementId", shape::id},
                                     {"ExternalIds", shape::list},
                                     {"Genre", shape::id},
                                     {"IsEligibleForKoboLove", shape::flag},
                                     {"IsInternetArchive", shape::flag},
                                     {"IsPreOrder", shape::flag},
                                     {"IsSocialEnabled", shape::flag},
                                     {"Language", shape::text},
                                     {"PhoneticPronunciations", shape::object},
                                     {"RevisionId", shape::id},
                                     {"Title", shape::text},
                                     {"WorkId", shape::id}};
constexpr field live_fields[] = {{"PublicationDate", shape::moment}, {"Publisher", shape::object}};
constexpr field file_fields[] = {
    {"DrmType", shape::text}, {"Format", shape::text}, {"Platform", shape::text}, {"Size", shape::number}, {"Url", shape::text}};
constexpr field state_fields[] = {{"EntitlementId", shape::id},      {"Created", shape::moment},
                                  {"LastModified", shape::moment},   {"PriorityTimestamp", shape::moment},
                                  {"StatusInfo", shape::object},     {"Statistics", shape::object},
                                  {"CurrentBookmark", shape::object}};
constexpr field tag_fields[] = {{"Created", shape::moment},      {"Id", shape::id},     {"Items", shape::list},
                                {"LastModified", shape::moment}, {"Name", shape::text}, {"Type", shape::text}};
constexpr field member_fields[] = {{"RevisionId", shape::id}, {"Type", shape::text}};
constexpr field gone_tag_fields[] = {{"Id", shape::id}, {"LastModified", shape::moment}};
constexpr field dated[] = {{"LastModified", shape::moment}};
constexpr field period_fields[] = {{"From", shape::moment}};
constexpr field price_fields[] = {{"CurrencyCode", shape::text}, {"TotalAmount", shape::number}};
constexpr field publisher_fields[] = {{"Imprint", shape::text}, {"Name", shape::text}};

// 2026-03-06T21:30:44Z and no other way to write it (7).
bool is_moment(const std::string& s) {
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:ddZ";
  return std::equal(s.begin(), s.end(), form.begin(), form.end(),
                    [](unsigned char c, char wanted) { return wanted == 'd' ? std::isdigit(c) != 0 : c == wanted; });
}

bool has_shape(const json::value& v, shape wanted) {
  const std::string* text = v.as_text();
  switch (wanted) {
    case shape::text: return text != nullptr;
    case shape::id: return text != nullptr && uuid::parse(*text);
    case shape::moment: return text != nullptr && is_moment(*text);
    case shape::flag: return v.as_bool() != nullptr;
    case shape::number: return v.as_number() != nullptr;
    case shape::list: return v.as_array() != nullptr;
    default: return v.as_object() != nullptr;
  }
}

void check_fields(const json::object& o, std::span<const field> fields) {
  for (const field& f : fields) {
    const json::value* v = o.find(f.name);
    if (v != nullptr && has_shape(*v, f.is)) continue;
    INFO(f.name << " in " << json::dump(o));
    FAIL("a field is missing or of another type");
  }
}

const json::object& inside(const json::object& o, const char* name) {
  const json::value* v = o.find(name);
  INFO(name);
  REQUIRE(v != nullptr);
  REQUIRE(v->as_object() != nullptr);
  return *v->as_object();
}

void check_file(const json::object& url) {
  check_fields(url, file_fields);
  std::int64_t size = 0;
  CHECK((url.take("Size", size) && size > 0));
  std::string format, address;
  url.take("Format", format);
  url.take("Url", address);
  CHECK(address.ends_with(format == "KEPUB" ? ".kepub.epub" : ".epub"));
}

// All ids of a book are the same one (7.1).
void check_ids(const json::object& o, const std::string& id, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    std::string found;
    o.take(name, found);
    CHECK(found == id);
  }
}

void check_book(const json::object& o, bool removable) {
  const json::object& entitlement = inside(o, "BookEntitlement");
  check_fields(entitlement, entitlement_fields);
  check_fields(inside(entitlement, "ActivePeriod"), period_fields);
  std::string id;
  entitlement.take("Id", id);
  check_ids(entitlement, id, {"CrossRevisionId", "RevisionId"});
  bool removed = false;
  entitlement.take("IsRemoved", removed);
  CHECK(removed == removable);
  check_metadata(inside(o, "BookMetadata"), id, !removed);
}

void check_tag(const json::object& tag) {
  check_fields(tag, tag_fields);
  for (const json::value& member : *tag.find("Items")->as_array()) {
    REQUIRE(member.as_object() != nullptr);
    check_fields(*member.as_object(), member_fields);
  }
}

void check_item(const json::value& item) {
  const std::string kind = kind_of(item);
  INFO(json::dump(item));
  const json::object& o = inside(*item.as_object(), kind.c_str());
  if (kind == "NewEntitlement") {
    check_book(o, false);
    check_state(inside(o, "ReadingState"));
  } else if (kind == "ChangedEntitlement") {
    check_book(o, true);  // a live one would be ignored or not understood (6.3)
  } else if (kind == "ChangedProductMetadata") {
    check_book(o, false);
  } else if (kind == "ChangedReadingState") {
    check_state(inside(o, "ReadingState"));
  } else if (kind == "NewTag" || kind == "ChangedTag") {
    check_tag(inside(o, "Tag"));
  } else {
    REQUIRE(kind == "DeletedTag");
    check_fields(inside(o, "Tag"), gone_tag_fields);
  }
}

}  // namespace

void check_metadata(const json::object& o, const std::string& id, bool live) {
  check_fields(o, metadata_fields);
  check_fields(inside(o, "CurrentDisplayPrice"), price_fields);
  check_ids(o, id, {"CrossRevisionId", "EntitlementId", "RevisionId", "WorkId"});
  std::string title;
  CHECK((o.take("Title", title) && !title.empty()));
  const json::array& urls = *o.find("DownloadUrls")->as_array();
  REQUIRE(urls.size() == (live ? 1 : 0));
  if (!live) return;
  check_fields(o, live_fields);
  check_fields(inside(o, "Publisher"), publisher_fields);
  REQUIRE(urls.front().as_object() != nullptr);
  check_file(*urls.front().as_object());
}

void check_state(const json::object& o) {
  check_fields(o, state_fields);
  for (const char* section : {"StatusInfo", "Statistics", "CurrentBookmark"}) check_fields(inside(o, section), dated);
  std::string status;
  inside(o, "StatusInfo").take("Status", status);
  CHECK((status == "ReadyToRead" || status == "Reading" || status == "Finished"));
}

void check_values(const json::value& v, const std::string& base) {
  auto refuse_unless = [](bool fine, const std::string& what) {
    if (!fine) FAIL("a Kobo cannot take " << what);
  };
  const std::string* text = v.as_text();
  if (text != nullptr && (text->starts_with("http:") || text->starts_with("https:")))
    refuse_unless(text->starts_with(base + "/"), *text);
  if (v.as_array() != nullptr) {
    for (const json::value& part : *v.as_array()) check_values(part, base);
  }
  if (v.as_object() == nullptr) return;
  for (const auto& [name, part] : v.as_object()->members()) {
    refuse_unless(!name.empty() && std::isupper(static_cast<unsigned char>(name.front())) != 0, name);
    // 33.0 makes it ask again and again whether to go to the last page that was read (7.5).
    bool whole = part.as_number() != nullptr && part.as_number()->text.find_first_not_of("0123456789") == std::string::npos;
    refuse_unless(whole || !name.ends_with("Percent"), json::dump(v));
    check_values(part, base);
  }
}

void check_page(const json::array& items, const std::string& base) {
  for (const json::value& item : items) {
    check_item(item);
    check_values(item, base);
  }
  check_once(items);
}

}  // namespace carrel::kobo::tests
