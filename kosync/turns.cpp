#include "kosync/turns.hpp"

#include "kosync/progress.hpp"

namespace carrel::kosync {
namespace {

template <class Turn>
std::vector<std::optional<library::secret_owner>> owners_of(db::tx& tx, const std::vector<Turn>& turns) {
  std::vector<const auth::device_claim*> claims;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (!turns[i].claim) continue;
    claims.push_back(&*turns[i].claim);
    asked.push_back(i);
  }
  std::vector<std::optional<library::secret_owner>> out(turns.size());
  std::vector<std::optional<library::secret_owner>> found = auth::confirm(tx, claims, "kosync");
  for (std::size_t i = 0; i < asked.size(); ++i) out[asked[i]] = std::move(found[i]);
  return out;
}

}  // namespace

std::vector<put_outcome> run_puts(db::tx& tx, const std::vector<put_turn>& turns, const library::put_policy& policy) {
  std::vector<std::optional<library::secret_owner>> owners = owners_of(tx, turns);
  std::vector<library::position> pushes;
  std::vector<std::size_t> due;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (turns[i].claim && !owners[i]) continue;
    library::position& p = pushes.emplace_back(turns[i].push);
    due.push_back(i);
    if (!owners[i]) continue;
    p.user = owners[i]->user;
    p.credential = owners[i]->device;
    p.device_key = device_key(owners[i]->device);
  }
  std::vector<library::stored_position> stored = library::put_positions(tx, pushes, policy);

  std::vector<put_outcome> out(turns.size());
  for (std::size_t i = 0; i < turns.size(); ++i) out[i].device = std::move(owners[i]);
  for (std::size_t i = 0; i < due.size(); ++i) out[due[i]].stored = std::move(stored[i]);
  return out;
}

std::vector<get_outcome> run_gets(db::tx& tx, const std::vector<get_turn>& turns) {
  std::vector<std::optional<library::secret_owner>> owners = owners_of(tx, turns);
  std::vector<library::fetch> wanted;
  std::vector<std::size_t> due;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (turns[i].claim && !owners[i]) continue;
    library::fetch& f = wanted.emplace_back(turns[i].wanted);
    due.push_back(i);
    if (owners[i]) {
      f.user = owners[i]->user;
      f.credential = owners[i]->device;
    }
    if (!turns[i].shows) f.credential.reset();
  }
  std::vector<std::optional<library::position>> found = library::get_positions(tx, wanted);

  std::vector<get_outcome> out(turns.size());
  for (std::size_t i = 0; i < turns.size(); ++i) out[i].device = std::move(owners[i]);
  for (std::size_t i = 0; i < due.size(); ++i) {
    out[due[i]].done = true;
    out[due[i]].found = std::move(found[i]);
  }
  return out;
}

}  // namespace carrel::kosync
