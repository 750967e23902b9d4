#include "ingest/sort_group.hpp"

#include <algorithm>
#include <map>

#include "ingest/tracks.hpp"
#include "publication/names.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr db::statement sql_facts{"ingest.facts_of_file",
                                  "select facts::text, duration_ms from book_files where id = $1 and not superseded"};

std::string below_home(const fs::path& file) {
  std::string folder = file.parent_path().filename().native(), name = file.filename().native();
  return is_disc_folder(folder) ? folder + "/" + name : name;
}

class sorter {
 public:
  sorter(const services& s, const uuid& group, group_rows& rows) : with_(s), group_(group), rows_(rows) {}

  void sort() {
    books_ = with_.pool.read_now([&](db::tx& tx) { return books_of_group(tx, group_); });
    std::map<std::string, std::size_t> newest;  // who was written to is another item with the same path
    for (std::size_t i = 0; i < rows_.items.size(); ++i) {
      auto [at, first] = newest.try_emplace(rows_.items[i].source_path, i);
      if (!first && rows_.items[at->second].id < rows_.items[i].id) at->second = i;
    }
    for (const auto& [path, i] : newest) look_at(i);
    for (std::size_t i = 0; i < rows_.items.size(); ++i) {
      std::size_t now = newest.at(rows_.items[i].source_path);
      if (now != i && rows_.items[i].file && rows_.items[i].file != rows_.items[now].file) look_back(i);
    }
    sort_recordings(heard_, rows_.loose, publication::guess_from_audiobook_folder(rows_.named).title);
    leave_trashed();
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
      i.outdated = heard_[n].outdated;
    }
    with_.pool.write_now([&](db::tx& tx) { mark_sorted(tx, group_, rows_.items, !unsure_); });
  }

 private:
  void look_at(std::size_t place) {
    const group_item& i = rows_.items[place];
    if (i.state == "vanished") return;
    fs::path path = i.source_path;
    recording r;
    r.path = below_home(path);
    r.part = i.part;
    r.was_sorted = i.file.has_value() || i.position > 0 || !i.part.empty();
    r.is_sound = is_recording(path.native());
    if (!r.is_sound && !r.was_sorted) glance_at_text(path, r);
    bool heard = !r.is_sound || listen(path, r) || remember(i, !is_there(path), r);
    if (!heard) return;
    heard_.push_back(std::move(r));
    places_.push_back(place);
  }

  // What it does not say is guessed from its name.
  void glance_at_text(const fs::path& path, recording& r) const {
    result<source> in = open_source(path);
    if (!in) return;
    result<publication::opened, publication::refusal> seen = with_.inspectors.glance(in->handle.get(), path.filename().native());
    if (seen) describe(r, *seen);
  }

  // One whose place in the folder has been taken by another file.
  void look_back(std::size_t place) {
    const group_item& i = rows_.items[place];
    if (!is_recording(i.source_path)) return;
    recording r;
    r.path = below_home(i.source_path);
    r.part = i.part;
    r.was_sorted = true;
    if (!remember(i, true, r)) return;
    heard_.push_back(std::move(r));
    places_.push_back(place);
  }

  // Whoever deleted a book and brings all of it anew wants a book, and not that one; nor is a text a part of it.
  void leave_trashed() {
    for (const group_book& b : books_) {
      if (!b.trashed) continue;
      bool kept = std::any_of(heard_.begin(), heard_.end(),
                              [&](const recording& r) { return r.is_sound && r.part == b.part && r.was_sorted && !r.outdated; });
      std::string fresh = "after " + uuid::make().text();
      for (recording& r : heard_) {
        if (r.part != b.part) continue;
        if (!kept && !r.was_sorted)
          r.part = fresh;
        else if (!r.is_sound && !r.was_sorted)
          r.part = "text " + publication::file_stem(r.path);
        if (!kept) r.outdated = false;
      }
    }
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

  // One that is in the library, and cannot be asked where it lay.
  bool remember(const group_item& i, bool gone, recording& r) {
    if (!i.file) return r.was_sorted;
    db::rows rows = with_.pool.read_now([&](db::tx& tx) { return tx.run(sql_facts, *i.file); });
    result<json::object> facts = rows.empty() ? json::read_object("") : json::read_object(rows[0].view(0));
    if (!facts) return false;
    if (std::string text; facts->take("disc", text)) r.disc = track_number(text);
    if (std::string text; facts->take("track", text)) r.track = track_number(text);
    auto book = std::find_if(books_.begin(), books_.end(), [&](const group_book& b) { return b.part == i.part; });
    if (book != books_.end()) r.album = book->title;
    r.length = rows[0].integer(1);
    r.gone = gone;
    r.withdrawn = gone && i.keep;
    return true;
  }

  const services& with_;
  uuid group_;
  group_rows& rows_;
  std::vector<group_book> books_;
  std::vector<recording> heard_;
  std::vector<std::size_t> places_;
  bool unsure_ = false;
};

}  // namespace

void sort_group(const services& s, const uuid& group, group_rows& rows) {
  if (rows.tracks && !rows.sorted) sorter(s, group, rows).sort();
}

}  // namespace carrel::ingest
