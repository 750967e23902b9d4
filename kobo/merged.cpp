#include "kobo/merged.hpp"

#include <algorithm>

#include "library/merge.hpp"

namespace carrel::kobo {

std::unordered_map<uuid, delivery> read_told(db::tx& tx, const kobo_ids& k, const std::vector<uuid>& told) {
  std::unordered_map<uuid, delivery> live = read_deliveries(tx, k, told);
  std::vector<uuid> missing;
  std::copy_if(told.begin(), told.end(), std::back_inserter(missing), [&](const uuid& id) { return !live.contains(id); });
  if (missing.empty()) return live;
  std::vector<uuid> became = library::surviving_entitlements(tx, missing);
  if (became == missing) return live;
  std::unordered_map<uuid, delivery> survivors = read_deliveries(tx, k, became);
  for (std::size_t i = 0; i < missing.size(); ++i) {
    auto at = survivors.find(became[i]);
    if (at != survivors.end()) live.emplace(missing[i], at->second);
  }
  return live;
}

}  // namespace carrel::kobo
