#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "ingest/company.hpp"
#include "ingest/item_lock.hpp"
#include "ingest/paths.hpp"
#include "ingest/sort_group.hpp"
#include "ingest/superseded.hpp"
#include "ingest/tracks.hpp"
#include "ingest/work.hpp"
#include "library/audio_edition.hpp"
#include "publication/names.hpp"

namespace carrel::ingest {
namespace {

ending storing_failed(const error& why) {
  ending out;
  out.how = ending::failed;
  out.code = why.field;
  out.detail = why.reason;
  out.again_after = std::chrono::minutes(5);
  return out;
}

class group_work {
 public:
  group_work(const services& s, const uuid& id) : with_(s), id_(id) {
    rows_ = s.pool.read_now([&](db::tx& tx) { return find_group(tx, id); });
  }

  std::vector<member_ending> take() {
    sort_group(with_, id_, rows_);
    std::stable_sort(rows_.items.begin(), rows_.items.end(), [](const group_item& a, const group_item& b) {
      return std::tuple(!a.file, !a.leads, a.position) < std::tuple(!b.file, !b.leads, b.position);
    });
    if (std::optional<error> bad = make_parts()) {
      for (const group_item& i : rows_.items) out_.push_back({i.id, storing_failed(*bad)});
      return std::move(out_);
    }
    for (const group_item& i : rows_.items) {
      if (i.state == "vanished" && !is_there(i.source_path)) {
        ending gone;
        gone.how = ending::vanished;
        out_.push_back({i.id, gone});
        continue;
      }
      part& p = parts_.at(i.part);
      out_.push_back({i.id, *take_in(with_, i.id, true, nullptr, &p.beside)});
      note(p, out_.back().end);
    }
    finish();
    return std::move(out_);
  }

 private:
  // The files of one book.
  struct part {
    company beside;
    std::optional<uuid> book;
    bool mixed = false;  // its files are of several books; nobody can say whose the rest is
  };

  // What lies beside recordings of several books is nobody's.
  std::optional<error> make_parts() {
    std::set<std::string> spoken;
    for (const group_item& i : rows_.items) {
      if (!rows_.tracks || is_recording(i.source_path)) spoken.insert(i.part);
    }
    for (const group_item& i : rows_.items) {
      company& c = parts_[i.part].beside;
      if (i.position > 0) c.positions[i.id] = i.position;
      if (i.leads) c.title = i.title;
    }
    for (auto& [name, p] : parts_) {
      company bare = std::move(p.beside);
      if (spoken.size() == 1 && spoken.contains(name)) {
        result<company> read = read_company(with_, id_, rows_.sidecars);
        if (!read) return read.error();
        p.beside = std::move(*read);
        if (rows_.tracks && !rows_.named.empty() && !rows_.loose)
          p.beside.named = publication::guess_from_audiobook_folder(rows_.named);
      }
      p.beside.group = id_;
      p.beside.part = name;
      p.beside.tracks = rows_.tracks;
      p.beside.positions = std::move(bare.positions);
      p.beside.title = std::move(bare.title);
      p.book = with_.pool.read_now([&](db::tx& tx) { return book_of_group(tx, id_, name); });
    }
    return std::nullopt;
  }

  // A file that came another way before: its book is the group's, if all of them are of one.
  void note(part& p, const ending& e) {
    if (e.how == ending::added && !p.book) p.book = e.book;
    if (e.how == ending::duplicate && !p.book) {
      p.book = with_.pool.write_now([&](db::tx& tx) {
        set_book_of_group(tx, id_, p.beside.part, e.book);
        return book_of_group(tx, id_, p.beside.part);
      });
    }
    bool is_in = e.how == ending::added || e.how == ending::duplicate;
    p.mixed = p.mixed || (is_in && p.book && e.book != *p.book);
  }

  void finish() {
    group_rows now = with_.pool.read_now([&](db::tx& tx) { return find_group(tx, id_); });
    sort_group(with_, id_, now);  // once more, when a file said nothing before
    for (auto& [name, p] : parts_) {
      if (!p.book || p.mixed) continue;
      if (is_untold(now, p.beside)) tell_book(with_, p.beside, *p.book);
      if (now.tracks) join_recordings(now, name, *p.book);
    }
    with_.pass(step::told);
    put_sidecars_away(with_, id_);
    if (!now.ended) with_.pool.write_now([&](db::tx& tx) { mark_group_ended(tx, id_); });
  }

  static bool is_untold(const group_rows& now, const company& beside) {
    return std::any_of(beside.sidecars.begin(), beside.sidecars.end(), [&](const sidecar_row& read) {
      return std::any_of(now.sidecars.begin(), now.sidecars.end(),
                         [&](const sidecar_row& s) { return s.id == read.id && !s.told; });
    });
  }

  void join_recordings(const group_rows& now, const std::string& name, const uuid& book) {
    std::vector<const group_item*> in_order;
    library::recordings all;
    std::size_t places = 0;
    for (const group_item& i : now.items) {
      if (i.part != name || !is_recording(i.source_path)) continue;
      places += i.position > 0 ? 1 : 0;
      if (i.position > 0 && i.file) in_order.push_back(&i);
      if ((i.state == "rejected" || i.state == "failed") && !i.file) all.missing = i.error_code;
    }
    std::sort(in_order.begin(), in_order.end(),
              [](const group_item* a, const group_item* b) { return a->position < b->position; });
    std::set<uuid> seen;
    for (const group_item* i : in_order) {
      if (seen.insert(*i->file).second) all.files.push_back(*i->file);
    }
    if (all.files.empty()) return;
    with_.pool.write_now([&](db::tx& tx) { library::write_edition(tx, book, all); });
    if (all.files.size() == places) put_superseded_away(with_, book);
  }

  const services& with_;
  uuid id_;
  group_rows rows_;
  std::map<std::string, part> parts_;
  std::vector<member_ending> out_;
};

}  // namespace

std::optional<std::vector<member_ending>> take_group(const services& s, const uuid& group, bool wait) {
  std::optional<item_lock> mine = item_lock::take(s.store, group, wait);
  if (!mine) return std::nullopt;
  return group_work(s, group).take();
}

}  // namespace carrel::ingest
