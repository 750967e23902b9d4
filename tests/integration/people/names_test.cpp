#include <catch2/catch.hpp>

#include "library/access.hpp"
#include "library/storable.hpp"
#include "library/user.hpp"

using namespace carrel;

namespace {

std::string field_of(std::string_view name) {
  auto checked = library::check_user_name(name);
  return checked ? "" : checked.error().field;
}

}  // namespace

TEST_CASE("a user name is trimmed and composed, its spelling is kept") {
  CHECK(*library::check_user_name("  Ada L.  ") == "Ada L.");
  CHECK(*library::check_user_name("Zoe\xCC\x88") == "Zo\xC3\xAB");
  CHECK(*library::check_user_name("\xF0\x9F\x90\xB1 cat") == "\xF0\x9F\x90\xB1 cat");
  CHECK(*library::check_user_name("\xE9\x98\xBF\xE8\xBE\xBE") == "\xE9\x98\xBF\xE8\xBE\xBE");
}

TEST_CASE("a user name has 1 to 64 characters, not bytes") {
  CHECK(library::check_user_name(std::string(64, 'a')).ok());
  CHECK(field_of(std::string(65, 'a')) == "name");
  std::string umlauts, cats;
  for (int i = 0; i < 64; ++i) umlauts += "\xC3\xA4", cats += "\xF0\x9F\x90\xB1";
  CHECK(library::check_user_name(umlauts).ok());
  CHECK(library::check_user_name(cats).ok());
  CHECK(field_of(cats + "x") == "name");
  CHECK(field_of("") == "name");
  CHECK(field_of(" \t ") == "name");
  CHECK(field_of("\xC2\xA0\xE3\x80\x80") == "name");  // no-break space and ideographic space
}

TEST_CASE("hostile names are refused") {
  using namespace std::string_literals;
  for (const std::string& name : {"ada\0x"s, "a\nb"s, "a\x7f"s, "a\xC2\x85z"s, "a:b"s, "a/b"s, "\xff\xfe"s, "a\xED\xA0\x80"s,
                                  "a\xE2\x80\xAE z"s, "a\xE2\x80\xA8z"s, "\xEF\xBB\xBF"s}) {
    INFO(name);
    CHECK(field_of(name) == "name");
  }
}

TEST_CASE("names are compared without case and composition") {
  CHECK(library::name_key("ADA") == library::name_key("ada"));
  CHECK(library::name_key("Stra\xC3\x9F"
                          "e") == library::name_key("STRASSE"));
  CHECK(library::name_key("ZO\xC3\x8B") == library::name_key("zoe\xCC\x88"));
  CHECK(library::name_key("\xCE\xA3\xCE\xAF\xCF\x83\xCF\x85\xCF\x86\xCE\xBF\xCF\x82") ==
        library::name_key("\xCF\x83\xCE\xAF\xCF\x83\xCF\x85\xCF\x86\xCE\xBF\xCF\x83"));  // Greek final sigma
  CHECK(library::name_key("zoe") != library::name_key("zo\xC3\xAB"));
  std::string once = library::name_key("\xC4\xB0stanbul");
  CHECK(library::name_key(once) == once);
}

TEST_CASE("text for jsonb never holds U+0000") {
  json::object o{{"a\\", json::value(std::string("x\0y\\u0000", 10))}};
  CHECK(library::jsonb_text(o) == R"({"a\\":"xy\\u0000"})");
}

TEST_CASE("roles allow what product.md 8 says") {
  using library::capability;
  using library::role;
  auto may = [](library::rights r, capability c) { return library::allows(r, c); };
  for (role r : {role::owner, role::librarian, role::reader, role::limited}) {
    CHECK(library::parse_role(library::name_of(r)) == r);
    CHECK(may({.is = r}, capability::keep_devices));
    CHECK(may({.is = r}, capability::administer) == (r == role::owner));
    bool keeper = r == role::owner || r == role::librarian;
    for (capability c : {capability::curate, capability::see_all_errata, capability::run_jobs})
      CHECK(may({.is = r}, c) == keeper);
    CHECK(may({.is = r}, capability::upload) == keeper);
    CHECK(may({.is = r, .may_upload = true}, capability::upload) == (keeper || r == role::reader));
    CHECK(may({.is = r, .may_download = false}, capability::download) == (r != role::limited));
    CHECK(may({.is = r, .may_shelve = false}, capability::shelve) == (r != role::limited));
  }
  CHECK_FALSE(library::parse_role("Owner"));
}
