#include "server/auth/device_claim.hpp"

#include <map>

#include "library/user.hpp"
#include "server/auth/presented.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::auth {
namespace {

device_claim plain_claim(const std::string& name, const std::string& password) {
  return {.name = name, .secret = {.hash = library::plain_secret_hash(password), .form = "plain"}, .md5 = md5_hex(password)};
}

}  // namespace

std::vector<device_claim> kosync_claims(const http::request& in) {
  std::vector<device_claim> out;
  if (std::optional<name_and_secret> pair = kosync_pair_of(in)) {
    if (is_md5_hex(pair->secret)) {
      library::shown_secret secret{.hash = library::kosync_secret_hash(pair->secret), .form = "kosync"};
      out.push_back({.name = pair->name, .secret = std::move(secret), .md5 = lower_ascii(pair->secret)});
    } else {
      out.push_back(plain_claim(pair->name, pair->secret));
    }
  }
  if (std::optional<name_and_secret> basic = basic_of(in)) out.push_back(plain_claim(basic->name, basic->secret));
  if (std::optional<std::string> bearer = bearer_of(in)) out.push_back(plain_claim("", *bearer));
  return out;
}

bool name_fits(const library::secret_owner& o, const std::string& shown_name) {
  return shown_name.empty() || library::name_key(shown_name) == o.user_key;
}

std::vector<std::optional<library::secret_owner>> confirm(db::tx& tx, const std::vector<const device_claim*>& claims,
                                                          std::string_view scope) {
  std::vector<library::shown_secret> secrets;
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> places;  // a burst of one device asks once
  std::vector<std::size_t> place_of;
  for (const device_claim* c : claims) {
    auto [at, fresh] = places.try_emplace({c->secret.hash, c->secret.form}, secrets.size());
    if (fresh) secrets.push_back(c->secret);
    place_of.push_back(at->second);
  }
  if (secrets.empty()) return {};
  std::vector<std::optional<library::secret_owner>> owners = library::find_secrets(tx, secrets);

  std::vector<std::optional<library::secret_owner>> out;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const std::optional<library::secret_owner>& o = owners[place_of[i]];
    bool good = o && name_fits(*o, claims[i]->name) && o->may_use(scope);
    out.push_back(good ? o : std::nullopt);
  }
  return out;
}

}  // namespace carrel::auth
