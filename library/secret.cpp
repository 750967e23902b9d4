#include "library/secret.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "library/storable.hpp"
#include "server/core/file.hpp"
#include "server/core/random.hpp"

namespace carrel::library {
namespace {

namespace fs = std::filesystem;

constexpr db::statement sql_keep{"library.keep_secret", R"sql(
  insert into external_accounts (service, owner_key, secret_cipher, secret_nonce, secret_key_id, secret_hint, token_kind)
  values ($1, $2, $3, $4, $5, $6, $7)
      on conflict (service, owner_key) do update
     set secret_cipher = excluded.secret_cipher, secret_nonce = excluded.secret_nonce, secret_key_id = excluded.secret_key_id,
         secret_hint = excluded.secret_hint, token_kind = excluded.token_kind, state = 'unverified', state_detail = null,
         state_since = now(), updated_at = now())sql"};

constexpr db::statement sql_drop{"library.drop_secret", R"sql(
  update external_accounts set secret_cipher = null, secret_nonce = null, secret_key_id = null, secret_hint = null, token_kind = null,
         state = 'unverified', state_detail = null, state_since = now(), updated_at = now()
   where service = $1 and owner_key = $2 and secret_cipher is not null)sql"};

constexpr db::statement sql_read{"library.read_secret", R"sql(
  select secret_cipher, secret_nonce, state from external_accounts
   where service = $1 and owner_key = $2 and secret_cipher is not null and secret_nonce is not null)sql"};

constexpr db::statement sql_undecipherable{"library.undecipherable_secret", R"sql(
  update external_accounts set state = 'auth_failed', state_detail = 'stored token cannot be decrypted', state_since = now(),
         updated_at = now()
   where service = $1 and owner_key = $2)sql"};

constexpr std::size_t shortest_secret = 16, longest_secret = 4096, longest_key_file = 1024;

std::string bound_to(const std::string& service, const std::string& owner) { return service + ":" + owner; }

std::string kind_of(std::string_view secret) {
  if (secret.starts_with("hc_pat_")) return "pat";
  if (secret.starts_with("eyJ")) return "jwt";
  return secret.starts_with("hc_at_") ? "oauth" : "other";
}

error unusable(const fs::path& path) { return {path.native(), std::strerror(errno)}; }

result<std::string> read_key(const fs::path& path) {
  file in(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return unusable(path);
  std::string text(longest_key_file, '\0');
  ssize_t n = ::read(in.get(), text.data(), text.size());
  if (n < 0) return unusable(path);
  text.resize(static_cast<std::size_t>(n));
  std::string key(trim(text));
  if (key.size() < shortest_secret) return error{path.native(), "holds no key"};
  return key;
}

// Whole under another name first, so that a process that comes at the same moment finds all of it or nothing.
std::optional<error> make_key(const fs::path& path) {
  fs::path fresh = path;
  fresh += "." + random_letters(8);
  file out(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out) return unusable(path);
  std::string text = random_token(32) + "\n";
  bool written = ::write(out.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(out.get()) == 0;
  std::optional<error> bad;
  if (!written || (::link(fresh.c_str(), path.c_str()) != 0 && errno != EEXIST)) bad = unusable(path);
  ::unlink(fresh.c_str());
  file folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!bad && folder) ::fsync(folder.get());
  return bad;
}

// "Authorization:", "Bearer", quotes and blanks in front of and behind what counts, as often as they come.
std::string_view bare(std::string_view s) {
  for (;;) {
    std::string_view before = s;
    s = trim(s);
    for (char quote : {'"', '\''}) {
      if (s.size() >= 2 && s.front() == quote && s.back() == quote) s = s.substr(1, s.size() - 2);
    }
    for (std::string_view word : {"authorization:", "bearer "}) {
      if (equal_ascii_case(s.substr(0, word.size()), word)) s.remove_prefix(word.size());
    }
    if (s == before) return s;
  }
}

}  // namespace

result<seal> installation_seal(const config& c, const fs::path& data) {
  if (c.is_set("secrets.key")) return seal(c.text("secrets.key"));
  fs::path path = data / "secret.key";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    if (std::optional<error> bad = make_key(path)) return *bad;
  }
  result<std::string> key = read_key(path);
  if (!key) return key.error();
  return seal(*key);
}

std::optional<std::string> clean_secret(std::string_view pasted) {
  std::string_view s = bare(pasted);
  bool printable = std::all_of(s.begin(), s.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!printable || s.size() < shortest_secret || s.size() > longest_secret) return std::nullopt;
  return std::string(s);
}

void keep_secret(db::tx& tx, const seal& with, const std::string& service, const std::string& owner, const std::string& secret) {
  CARREL_EXPECT(storable(service) && storable(owner));
  sealed s = with.close(secret, bound_to(service, owner));
  std::string hint = secret.size() > 8 ? secret.substr(secret.size() - 4) : "";
  tx.run(sql_keep, service, owner, db::bytes{s.cipher}, db::bytes{s.nonce}, with.id(), hint, kind_of(secret));
}

bool drop_secret(db::tx& tx, const std::string& service, const std::string& owner) {
  return tx.run(sql_drop, service, owner).affected() > 0;
}

std::optional<std::string> read_secret(db::tx& tx, const seal& with, const std::string& service, const std::string& owner) {
  db::rows rows = tx.run(sql_read, service, owner);
  if (rows.empty()) return std::nullopt;
  sealed s{.cipher = rows[0].raw(0), .nonce = rows[0].raw(1)};
  std::optional<std::string> secret = with.open(s, bound_to(service, owner));
  if (!secret && rows[0].view(2) != "auth_failed") tx.run(sql_undecipherable, service, owner);
  return secret;
}

}  // namespace carrel::library
