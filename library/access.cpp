#include "library/access.hpp"

#include <array>
#include <utility>

namespace carrel::library {
namespace {

constexpr std::array<std::pair<role, std::string_view>, 4> names{
    {{role::owner, "owner"}, {role::librarian, "librarian"}, {role::reader, "reader"}, {role::limited, "limited"}}};

}  // namespace

std::string_view name_of(role r) {
  for (const auto& [value, name] : names) {
    if (value == r) return name;
  }
  return "limited";
}

std::optional<role> parse_role(std::string_view text) {
  for (const auto& [value, name] : names) {
    if (name == text) return value;
  }
  return std::nullopt;
}

// The table of product.md 8.
bool allows(const rights& r, capability c) {
  bool owner = r.is == role::owner;
  bool keeper = owner || r.is == role::librarian;
  switch (c) {
    case capability::download: return r.is != role::limited || r.may_download;
    case capability::shelve: return r.is != role::limited || r.may_shelve;
    case capability::keep_devices: return true;
    case capability::upload: return keeper || (r.is == role::reader && r.may_upload);
    case capability::curate:
    case capability::see_all_errata:
    case capability::run_jobs: return keeper;
    case capability::administer: return owner;
  }
  return false;
}

}  // namespace carrel::library
