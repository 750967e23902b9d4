#include "ingest/sort_group.hpp"

#include <algorithm>
#include <map>

#include "ingest/tracks.hpp"
#include "publication/names.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr db::statement sql_facts{"ingest.facts_of_file", "select facts::text from book_files where id = $1"};

class sorter {
 public:
  sorter(const services& s, const uuid& group, group_rows& rows) : with_(s), group_(group), rows_(rows) {}

  void sort() {
    std::map<std::string, std::size_t> newest;  // who was written to is another item with the same path
    for (std::size_t i = 0; i < rows_.items.size(); ++i) {
      auto [at, first] = newest.try_emplace(rows_.items[i].source_path, i);
      if (!first && rows_.items[at->second].id < rows_.items[i].id) at->second = i;
    }
    for (const auto& [path, i] : newest) look_at(i);
    sort_recordings(heard_, rows_.loose, publication::guess_from_audiobook_folder(rows_.named).title);
    for (group_item& i : rows_.items) {
      i.position = 0;
      i.leads = false;
    }
    for (std::size_t n = 0; n < heard_.size(); ++n) {
      group_item& i = rows_.items[places_[n]];
      i.part = heard_[n].part;
      i.position = heard_[n].position;
      i.leads = heard_[n].leads;
      i.title = heard_[n].title;
    }
    with_.pool.write_now([&](db::tx& tx) { mark_sorted(tx, group_, rows_.items, !unsure_); });
  }

 private:
  void look_at(std::size_t place) {
    const group_item& i = rows_.items[place];
    if (i.state == "vanished") return;
    fs::path path = i.source_path;
    recording r;
    r.path = path.filename().native();
    if (std::string folder = path.parent_path().filename().native(); is_disc_folder(folder)) r.path = folder + "/" + r.path;
    r.part = i.part;
    r.was_sorted = i.file.has_value() || i.position > 0 || !i.part.empty();
    r.is_sound = is_recording(path.native());
    bool heard = !r.is_sound || listen(path, r) || remember(i, r);
    if (!heard) return;
    heard_.push_back(std::move(r));
    places_.push_back(place);
  }

  // False when it says nothing: such a file has no place, and is asked again the next time.
  bool listen(const fs::path& path, recording& r) {
    result<source> in = open_source(path);
    if (!in) {
      unsure_ = unsure_ || in.error().field == "source_unreadable";
      return false;
    }
    result<publication::opened, publication::refusal> seen = with_.inspectors.glance(in->handle.get(), path.filename().native());
    unsure_ = unsure_ || !seen;
    if (!seen) return false;
    describe(r, *seen);
    return true;
  }

  // One that is in the library, and gone from its folder.
  bool remember(const group_item& i, recording& r) {
    if (!i.file) return r.was_sorted;
    db::rows rows = with_.pool.read_now([&](db::tx& tx) { return tx.run(sql_facts, *i.file); });
    result<json::object> facts = rows.empty() ? json::read_object("") : json::read_object(rows[0].view(0));
    if (!facts) return false;
    if (std::string text; facts->take("disc", text)) r.disc = track_number(text);
    if (std::string text; facts->take("track", text)) r.track = track_number(text);
    return true;
  }

  const services& with_;
  uuid group_;
  group_rows& rows_;
  std::vector<recording> heard_;
  std::vector<std::size_t> places_;
  bool unsure_ = false;
};

}  // namespace

void sort_group(const services& s, const uuid& group, group_rows& rows) {
  if (rows.tracks && !rows.sorted) sorter(s, group, rows).sort();
}

}  // namespace carrel::ingest
