#include "kobo/page.hpp"

#include <algorithm>

namespace carrel::kobo {
namespace {

class page {
 public:
  page(db::tx& tx, const kobo_row& k, const session& s, const sync_request& in, const sync_settings& how,
       const library::store& store)
      : tx_(tx), kobo_(k), session_(s), in_(in), how_(how), store_(store) {}

  json::array render(const std::vector<op>& ops) {
    load(ops);
    for (const op& o : ops) {
      if (about_tag(o.kind))
        say_tag(o);
      else
        say_book(o);
    }
    doubt(tx_, session_.id, subject::book, unsure_books_);
    doubt(tx_, session_.id, subject::state, unsure_states_);
    doubt(tx_, session_.id, subject::tag, unsure_tags_);
    announce(tx_, kobo_.ids.row, announced_);
    if (kobo_.fetch_again) samples_told(tx_, kobo_, samples_, books_told());
    return std::move(items_);
  }

 private:
  void load(const std::vector<op>& ops) {
    std::vector<uuid> books;
    bool tags = false;
    for (const op& o : ops) {
      if (about_tag(o.kind))
        tags = true;
      else
        books.push_back(o.id);
    }
    if (!books.empty()) {
      if (kobo_.fetch_again) to_fetch_ = fetched_anew(tx_, kobo_, books);
      live_ = read_deliveries(tx_, kobo_.ids, books);
      if (kobo_.wishes.positions) states_ = read_states(tx_, kobo_.ids, books);
    }
    if (!tags || !kobo_.wishes.collections) return;
    std::unordered_set<uuid> held, shelved;
    for (const held_book& h : load_content(tx_, session_.id).held.books) held.insert(h.id);
    // Nothing has changed since the plan was made: neither has any revision.
    bool as_planned = session_.quiet == numbers_of(in_.gate, kobo_);
    if (as_planned) {
      shelved = held;
    } else {
      for (const target_book& t : read_target(tx_, kobo_.ids).books) shelved.insert(t.id);
      if (kobo_.guarded_since && !kobo_.guard_lifted) shelved.insert(held.begin(), held.end());
    }
    std::vector<collection> all = read_collections(tx_, kobo_.ids, shelved);
    // What is said now is a version of its own, though the session knows an earlier one.
    if (!as_planned) revisions_of(tx_, kobo_.ids, all);
    for (collection& c : all) std::erase_if(c.members, [&](const uuid& id) { return !held.contains(id); });
    for (collection& c : all) collections_.emplace(c.id, std::move(c));
  }

  std::vector<uuid> books_told() const {
    std::vector<uuid> out;
    for (const announcement& a : announced_) {
      if (a.about == subject::book && !to_fetch_.contains(a.id)) out.push_back(a.id);
    }
    return out;
  }

  // A disk that is not there must neither empty a reader nor promise it a file (17.2).
  bool can_be_served(const delivery& d) const { return !d.pending && store_.holds(d.file.storage_path); }

  const reading_state* state_of(const uuid& id) const {
    auto at = states_.find(id);
    return at == states_.end() ? nullptr : &at->second;
  }

  void say_book(const op& o) {
    auto at = live_.find(o.id);
    const delivery* live = at == live_.end() ? nullptr : &at->second;
    if (live && !can_be_served(*live)) return set_aside(o, *live);
    if (o.kind == op_kind::state) {
      if (live && kobo_.wishes.positions)
        items_.push_back(changed_state(o.id, state_of(o.id), live->added));
      else
        unsure_states_.push_back(o.id);
      return;
    }
    if (o.kind == op_kind::remove) {
      if (!live) return say_removal(o.id);
      doubt_book(o);
      return say_new(o.id, *live);
    }
    if (!live) {
      doubt_book(o);
      return say_removal(o.id);
    }
    if (o.kind == op_kind::add && to_fetch_.contains(o.id)) return say_preview(o, *live);
    if (o.kind == op_kind::add) return say_new(o.id, *live);
    // Another file has to be fetched first.
    announced_.push_back({subject::book, o.id, live->title, live->series_id.has_value(), o.kind == op_kind::file});
    if (o.kind == op_kind::file) {
      items_.push_back(new_entitlement(o.id, *live, state_of(o.id), in_.base, live->updated_at));
      if (how_.form == metadata_form::pair) {
        items_.push_back(changed_metadata(o.id, *live, nullptr, in_.base, metadata_form::bare).front());
        return;
      }
    }
    for (json::value& v : changed_metadata(o.id, *live, state_of(o.id), in_.base, how_.form)) items_.push_back(std::move(v));
  }

  void say_new(const uuid& id, const delivery& d) {
    bool again = d.first_told && *d.first_told < session_.created_at;  // what is sent again is newer than what was sent (7.1)
    announced_.push_back({subject::book, id, d.title, d.series_id.has_value(), again && may_be_wiped()});
    instant modified = std::max({d.updated_at, d.added, again ? session_.created_at : d.added});
    items_.push_back(new_entitlement(id, d, state_of(id), in_.base, modified));
  }

  // It knew its place once and shows none now: it may have been wiped (17.8, H1).
  bool may_be_wiped() {
    if (!wiped_) wiped_ = !session_.parent && acknowledged_after(tx_, kobo_.ids.row, 0);
    return *wiped_;
  }

  // A sample first; heard of that, the device is told that the whole book is there, and fetches it (8.6).
  void say_preview(const op& o, const delivery& d) {
    announced_.push_back({subject::book, o.id, d.title, d.series_id.has_value()});
    samples_.push_back(o.id);
    items_.push_back(preview(o.id, d, in_.base, session_.created_at));
  }

  // A book that was planned and never said is not there, and would stand in the archive under a name that is none.
  void say_removal(const uuid& id) {
    std::optional<std::string> title = announced_title(tx_, kobo_.ids.row, id);
    if (title) items_.push_back(removal(id, *title, session_.created_at));
  }

  void say_tag(const op& o) {
    auto at = collections_.find(o.id);
    if (at == collections_.end()) {
      if (o.kind != op_kind::tag_deleted) unsure_tags_.push_back(o.id);
      items_.push_back(deleted_tag(o.id, session_.created_at));
      return;
    }
    if (o.kind == op_kind::tag_deleted) unsure_tags_.push_back(o.id);
    announced_.push_back({subject::tag, o.id, at->second.name});
    items_.push_back(tag_item(o.kind == op_kind::tag_changed ? "ChangedTag" : "NewTag", at->second));
  }

  // Of a file that turns out to be away it is known from now on, so that the next plan says the same of it.
  void set_aside(const op& o, const delivery& d) {
    if (!d.pending) library::mark_file_missing(tx_, d.file.file, true);
    doubt_book(o);
  }

  void doubt_book(const op& o) {
    unsure_books_.push_back(o.id);
    unsure_states_.push_back(o.id);
  }

  db::tx& tx_;
  const kobo_row& kobo_;
  const session& session_;
  const sync_request& in_;
  const sync_settings& how_;
  const library::store& store_;
  std::unordered_map<uuid, delivery> live_;
  std::unordered_map<uuid, reading_state> states_;
  std::unordered_map<uuid, collection> collections_;
  std::unordered_set<uuid> to_fetch_;
  std::optional<bool> wiped_;
  std::vector<announcement> announced_;
  std::vector<uuid> samples_, unsure_books_, unsure_states_, unsure_tags_;
  json::array items_;
};

}  // namespace

json::array render_page(db::tx& tx, const kobo_row& k, const session& s, const std::vector<op>& ops, const sync_request& in,
                        const sync_settings& how, const library::store& store) {
  page out(tx, k, s, in, how, store);
  return out.render(ops);
}

}  // namespace carrel::kobo
