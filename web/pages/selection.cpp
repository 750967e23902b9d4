#include <algorithm>

#include "library/shelf.hpp"
#include "web/pages/table.hpp"

namespace carrel::web {
namespace {

// Books can be put on one's own shelves that are made by hand.
std::vector<std::pair<std::string, std::string>> own_shelves(const visit& v, const std::vector<library::shelf>& all) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const library::shelf& s : all) {
    if (s.user_id == v.id() && s.kind == "hand") out.emplace_back(s.id.text(), s.name);
  }
  return out;
}

// "Libra: Holidays": such a shelf with each device that it feeds.
std::vector<std::pair<std::string, std::string>> device_shelves(const visit& v, const std::vector<library::device>& devices,
                                                                const std::vector<std::pair<std::string, std::string>>& own) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const library::device& d : devices) {
    for (const auto& [id, name] : own) {
      bool fed = std::any_of(d.shelves.begin(), d.shelves.end(), [&](const uuid& s) { return s.text() == id; });
      if (fed) out.emplace_back(id, v.say.say("pick.device_shelf_of", {{"device", d.name}, {"shelf", name}}));
    }
  }
  return out;
}

}  // namespace

void fill_selection(const visit& v, const std::vector<library::shelf>& shelves, const std::vector<library::device>& devices,
                    const std::string& count_words, view& out) {
  bool curates = v.may(library::capability::curate), shelves_books = v.may(library::capability::shelve);
  bool picks = curates || shelves_books || v.may(library::capability::download);
  bool on = v.c.in.query("select") == "1" && picks;
  out.set("may_pick", picks).set("pick", on);
  out.set("pick_href", query_with(v.c.in, "select", on ? "" : "1"));
  if (!on) return;
  std::vector<std::pair<std::string, std::string>> own = own_shelves(v, shelves);
  std::string where = query_with(v.c.in, "select", "");
  out.set("pick_where", where.substr(1)).set("pick_shelves", options(own, "")).set("pick_curates", curates);
  out.set("pick_device_shelves", options(device_shelves(v, devices, own), ""))
      .set("pick_downloads", v.may(library::capability::download));
  out.set("pick_all", count_words.empty() ? v.say.text("pick.all") : v.say.say("pick.all_of", {{"books", count_words}}));
}

}  // namespace carrel::web
