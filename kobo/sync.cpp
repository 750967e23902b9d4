#include "kobo/sync.hpp"

#include <algorithm>

#include "kobo/actions.hpp"
#include "kobo/guard.hpp"
#include "kobo/page.hpp"
#include "kobo/signals.hpp"
#include "kobo/sync_token.hpp"
#include "library/kobo_events.hpp"

namespace carrel::kobo {
namespace {

constexpr int most_chained = 20, patient_repeats = 3, most_items = 20'000, long_list = 5;
constexpr std::chrono::minutes longest_run{10};
constexpr std::chrono::seconds repeat_window{120};
constexpr int steps_back = 3;
constexpr std::chrono::hours step_back_window{24 * 7};

// Where the device stands, as far as its token proves it (17.4).
struct position {
  std::optional<session> in;  // absent: root
  int next = 0;
  bool done = false;
  bool assumed = false;  // it shows no token; nothing is proven by that
  bool root() const { return !in; }
  bool midway() const { return in && !done; }
  std::string text() const {
    if (!in) return "root";
    return std::to_string(in->id) + (done ? "." : ":" + std::to_string(next));
  }
};

struct plan {
  std::vector<op> ops;
  snapshot held;
};

// Doubts are part of what a session leaves behind: a thing of which nothing is sure is `?` whatever its record says.
snapshot effective(const session_content& c) {
  snapshot out = c.held;
  std::unordered_set<uuid> met;
  for (held_book& h : out.books) {
    met.insert(h.id);
    if (c.unsure.books.contains(h.id)) h.sure = false;
    auto said = c.unsure.states.find(h.id);
    if (said != c.unsure.states.end()) h.state_sure = said->second.has_value();
    if (said != c.unsure.states.end() && said->second) h.state = *said->second;
    if (!h.sure) h.is = {};
    if (!h.state_sure) h.state = 0;
  }
  for (const uuid& id : c.unsure.books) {
    if (!met.contains(id)) out.books.push_back({.id = id, .is = {}, .state = 0, .sure = false, .state_sure = false});
  }
  for (held_tag& t : out.tags) {
    met.insert(t.id);
    if (c.unsure.tags.contains(t.id)) t.sure = false;
    if (!t.sure) t.revision = 0;
  }
  for (const uuid& id : c.unsure.tags) {
    if (!met.contains(id)) out.tags.push_back({.id = id, .revision = 0, .sure = false});
  }
  std::sort(out.books.begin(), out.books.end(), [](const held_book& a, const held_book& b) { return a.id < b.id; });
  std::sort(out.tags.begin(), out.tags.end(), [](const held_tag& a, const held_tag& b) { return a.id < b.id; });
  return out;
}

bool holds(const std::vector<held_book>& sorted, const uuid& id) {
  auto at = std::lower_bound(sorted.begin(), sorted.end(), id, [](const held_book& h, const uuid& i) { return h.id < i; });
  return at != sorted.end() && at->id == id;
}

class conversation {
 public:
  conversation(db::tx& tx, const sync_request& in, const sync_settings& how, const library::store& store, const std::string& key)
      : tx_(tx), in_(in), how_(how), store_(store), key_(key), kobo_(lock_row(tx, in.device, in.user, in.reader)) {}

  sync_answer run() {
    forget_tombstones(tx_, kobo_);
    if (!kobo_.wishes.paused) do_what_was_asked(tx_, kobo_);
    position at = resolve();
    bool begins = begin_run(at);
    if (at.in && !at.assumed) deliver(tx_, kobo_, *at.in, at.next, at.done);
    if (begins) look_after(at);
    if (kobo_.wishes.paused) return nothing_for_now(at);
    if (at.midway()) return say(*at.in, at.next, at);

    if (at.done && at.in->quiet == numbers()) return nothing_new(at);
    plan p = plan_from(at);
    if (at.done && p.ops.empty()) {
      note_quiet_if_settled(at.in->id);
      return nothing_new(at);
    }
    session s = same_as_newest(at, p).value_or(session{});
    if (s.id == 0) s = create(at, std::move(p));
    return say(s, 0, at);
  }

 private:
  quiet_numbers numbers() const { return numbers_of(in_.gate, kobo_); }

  position resolve() {
    if (in_.token.empty()) return without_token();
    std::optional<sync_token> t = read_token(in_.token, kobo_.ids.row, key_);
    if (!t) return lost("not_ours");
    if (t->epoch != kobo_.epoch || t->session == 0) return {};  // its owner wanted that: a reset, or a pause before
    std::optional<session> s = find_session(tx_, kobo_.ids.row, t->session);
    if (!s || s->epoch != kobo_.epoch || t->next < 0 || t->next > s->op_count) return lost("forgotten");
    return {.in = s, .next = static_cast<int>(t->next), .done = t->done};
  }
  // A reader that never shows a token gets everything at each sync, unless its owner says that it keeps what it was told (17.6).
  position without_token() {
    std::optional<session> last = kobo_.wishes.by_ledger ? newest_told(tx_, kobo_.ids.row) : std::nullopt;
    if (!last || last->epoch != kobo_.epoch) return lost("no_token");
    return {.in = last, .next = last->op_count, .done = true, .assumed = true};
  }
  position lost(const char* why) {
    lost_ = why;
    return {};
  }

  // A run is one sync as its reader sees it. A reader that shows a token again and again although it got an answer cannot keep
  // it, and gets all in one piece in the end (17.6). True for the first request of a run.
  bool begin_run(const position& at) {
    instant t = now();
    bool recent = kobo_.answered_at && t - *kobo_.answered_at < longest_run;
    bool same = recent && (kobo_.answered == at.text() || kobo_.answered == at.text() + "+");
    bool goes_on = recent && kobo_.promised == at.text();
    bool repeated = kobo_.answered == at.text() + "+" && kobo_.answered_at && t - *kobo_.answered_at < repeat_window;
    kobo_.answered_count = repeated ? kobo_.answered_count + 1 : 0;
    if (kobo_.answered_count == patient_repeats) library::note_event(tx_, kobo_.ids.row, library::event::repeats);
    if (same || goes_on) return false;
    ++kobo_.syncs;
    kobo_.chained = 0;
    return true;
  }

  // What the beginning of a sync tells of the device (17.8), and of the books that it never touched.
  void look_after(const position& at) {
    if (at.root() && !lost_.empty() && acknowledged_after(tx_, kobo_.ids.row, 0))
      library::note_event(tx_, kobo_.ids.row, library::event::full_sync, lost_);
    if (at.in && !at.assumed && acknowledged_after(tx_, kobo_.ids.row, at.in->id)) note_step_back();
    // A device says that a sync has failed before it begins the next one; of the one before this it has said nothing.
    if (kobo_.failures > 0 && kobo_.failed_sync < kobo_.syncs - 1) note_good_sync(tx_, kobo_);
    int heal_most = kobo_.wishes.heal.value_or(how_.heal) ? how_.heal_most : 0;
    if (!at.midway() && look_for_silent(tx_, kobo_, how_.heal_after_syncs, heal_most) > 0) ++kobo_.changes;
  }

  // A backup comes from an older place once. Who does so again and again is two readers that use one token (17.8, H1c).
  void note_step_back() {
    bool again = library::events_since(tx_, kobo_.ids.row, library::event::went_back, now() - step_back_window) >= steps_back;
    bool told = library::events_since(tx_, kobo_.ids.row, library::event::shared, now() - step_back_window) > 0;
    library::note_event(tx_, kobo_.ids.row, again && !told ? library::event::shared : library::event::went_back);
  }

  int page_limit() const {
    int limit = static_cast<int>(kobo_.page_size.value_or(how_.page_size));
    for (int i = patient_repeats; i <= kobo_.answered_count && limit < most_items; ++i) limit *= 4;
    return std::min(limit, most_items);
  }
  bool widened() const { return kobo_.answered_count >= patient_repeats; }

  position_view view_of(const position& at) {
    position_view v;
    v.root = at.root();
    if (v.root) {
      ledger_ids ever = load_ledger(tx_, kobo_.ids.row);
      v.ever_books = std::move(ever.books);
      v.ever_tags = std::move(ever.tags);
    } else {
      v.base = load_content(tx_, at.in->id);
      v.later = load_later(tx_, kobo_.ids.row, at.in->id);
    }
    return v;
  }

  plan plan_from(const position& at) {
    position_view v = view_of(at);
    target wanted = read_target(tx_, kobo_.ids);
    book_plan books = plan_books(v, wanted.books, kobo_.wishes.positions);
    std::vector<uuid> stay;
    if (how_.guard) stay = guarded_books(tx_, kobo_, removed_by(books), books_held(v));
    unsettled_ = !stay.empty();
    if (unsettled_) {  // as good as wanted, and nothing is said of them
      for (const uuid& id : stay) wanted.books.push_back({.id = id, .is = {}, .state = 0, .pending = true});
      books = plan_books(v, wanted.books, kobo_.wishes.positions);
    }
    sampled_ = false;
    if (kobo_.fetch_again) expect_samples(books);
    std::vector<target_tag> tags;
    if (kobo_.wishes.collections) tags = revisions_of(tx_, kobo_.ids, collections_of(wanted, !stay.empty()));
    if (books.held.size() < wanted.books.size()) {  // some wait for their files; else every member is held
      for (target_tag& t : tags) std::erase_if(t.members, [&](const uuid& id) { return !holds(books.held, id); });
    }
    tag_plan more = plan_tags(v, tags, books.added);
    if (books.ops.empty() && more.idle) more.ops.clear();
    plan out{.ops = std::move(books.ops), .held = {.books = std::move(books.held), .tags = std::move(more.held)}};
    out.ops.insert(out.ops.end(), more.ops.begin(), more.ops.end());
    return out;
  }

  // Which shelves books are on that are kept back, only the library still knows.
  std::vector<collection> collections_of(const target& wanted, bool some_kept_back) {
    if (!some_kept_back) return read_collections(tx_, kobo_.ids, wanted);
    std::unordered_set<uuid> all;
    for (const target_book& b : wanted.books) all.insert(b.id);
    return read_collections(tx_, kobo_.ids, all);
  }

  // After the sample of a book nothing is sure of it, so that the book itself follows.
  void expect_samples(book_plan& p) {
    std::unordered_set<uuid> to_fetch = fetched_anew(tx_, kobo_, {p.added.begin(), p.added.end()});
    for (held_book& h : p.held) {
      if (to_fetch.contains(h.id)) h = {.id = h.id, .is = {}, .state = 0, .sure = false, .state_sure = false};
    }
    sampled_ = !to_fetch.empty();
    unsettled_ = unsettled_ || sampled_;
  }

  // Of a device that lost its place what it is last known to have held.
  std::size_t books_held(const position_view& v) {
    if (!v.root) return v.base.held.books.size();
    std::optional<session> last = newest_acknowledged(tx_, kobo_.ids.row);
    if (!last) last = newest_told(tx_, kobo_.ids.row);  // of one that keeps no token nothing is ever acknowledged
    return last ? load_content(tx_, last->id).held.books.size() : SIZE_MAX / 2;
  }

  static std::vector<uuid> removed_by(const book_plan& p) {
    std::vector<uuid> out;
    for (const op& o : p.ops) {
      if (o.kind == op_kind::remove) out.push_back(o.id);
    }
    return out;
  }

  void note_quiet_if_settled(std::int64_t id) {
    if (!unsettled_) note_quiet(tx_, id, numbers());
  }

  // The same question gets the same answer: no new session for a repeat (17.5).
  std::optional<session> same_as_newest(const position& at, const plan& p) {
    std::optional<session> newest = newest_session(tx_, kobo_.ids.row);
    std::optional<std::int64_t> parent = at.in ? std::optional(at.in->id) : std::nullopt;
    if (!newest || newest->epoch != kobo_.epoch || newest->parent != parent) return std::nullopt;
    session_content there = load_content(tx_, newest->id);
    bool same = there.ops == p.ops && effective(there) == effective({.held = p.held, .ops = {}, .unsure = {}});
    return same ? newest : std::nullopt;
  }

  session create(const position& at, plan p) {
    std::optional<std::int64_t> parent = at.in ? std::optional(at.in->id) : std::nullopt;
    // Before the session is made: asked again, it is to be found the same.
    if (forget_old_sessions(tx_, kobo_.ids.row, how_.keep, parent)) p = plan_from(at);
    session s = create_session(tx_, kobo_, parent, p.held, p.ops);
    ++kobo_.changes;  // what an older position was told to be all is no longer so
    note_quiet_if_settled(s.id);
    if (!unsettled_) s.quiet = numbers();
    return s;
  }

  sync_answer say(const session& s, int first, const position& at) {
    kobo_.stands_on = at.in ? at.in->id : s.id;
    int limit = first == 0 ? first_limit(s) : page_limit();
    std::vector<op> ops = cut(load_ops(tx_, s.id, first, limit), limit, is_long(s));
    int next = first + static_cast<int>(ops.size());
    sync_answer out;
    json::array items = render_page(tx_, kobo_, s, ops, in_, how_, store_);
    out.body = json::dump(items);
    bool done = next >= s.op_count;
    if (done) note_told(tx_, s.id);
    out.more = !done || (first > 0 && !widened() && chains_on(s));
    out.token = write_token({.epoch = kobo_.epoch, .session = s.id, .next = next, .done = done}, kobo_.ids.row, key_);
    position then{.in = s, .next = next, .done = done};
    return finish(std::move(out), at, then.text());
  }

  bool is_long(const session& s) const { return !widened() && s.op_count > long_list * page_limit(); }

  // The first answer of a long list had to wait until all of it was planned; it says less, and so comes as soon as the others.
  // Where collections come apart as well it says so much that both do not cost a request each (17.11, I4).
  int first_limit(const session& s) {
    int limit = page_limit();
    if (!is_long(s)) return limit;
    int few = std::max(1, limit / 10), beyond_full_pages = (s.op_count - 1) % limit + 1;
    bool with_tags = about_tag(load_ops(tx_, s.id, s.op_count - 1, 1).front().kind);
    return with_tags ? std::max(few, beyond_full_pages) : few;
  }

  // At least one op; what belongs to one op stays together. Collections name the books of a long list once more: they come apart.
  std::vector<op> cut(std::vector<op> ops, int limit, bool tags_apart) const {
    int items = 0;
    std::size_t count = 0;
    for (const op& o : ops) {
      int needs = (o.kind == op_kind::file ? 2 : 1) + (how_.form == metadata_form::pair && o.kind == op_kind::meta ? 1 : 0);
      bool other = tags_apart && about_tag(o.kind) && count > 0 && !about_tag(ops[count - 1].kind);
      if (count > 0 && (other || items + needs > limit)) break;
      items += needs;
      ++count;
    }
    ops.resize(count);
    return ops;
  }

  // "Sync finished" on the device is to mean that it equals its shelf now, not when the sync began.
  bool chains_on(const session& s) {
    if (kobo_.chained >= most_chained) return false;
    std::optional<session> fresh = find_session(tx_, kobo_.ids.row, s.id);  // rendering may have made it doubtful
    if (fresh->quiet == numbers()) return false;
    position end{.in = fresh, .next = s.op_count, .done = true};
    plan rest = plan_from(end);
    if (sampled_) return false;  // the book is for the next run (8.6)
    if (rest.ops.empty()) {
      note_quiet_if_settled(s.id);
      return false;
    }
    ++kobo_.chained;
    return true;
  }

  // A paused device keeps its place; one without a place keeps a token that means none.
  sync_answer nothing_for_now(const position& at) {
    std::string nowhere = write_token({.epoch = kobo_.epoch, .session = 0, .next = 0, .done = false}, kobo_.ids.row, key_);
    return finish({.body = "[]", .token = at.in ? in_.token : nowhere, .more = false}, at, "");
  }

  sync_answer nothing_new(const position& at) {
    kobo_.stands_on = at.in->id;
    sync_answer out{.body = "[]", .token = in_.token, .more = false};
    if (at.assumed)
      out.token = write_token({.epoch = kobo_.epoch, .session = at.in->id, .next = at.next, .done = true}, kobo_.ids.row, key_);
    return finish(std::move(out), at, "");
  }

  sync_answer finish(sync_answer out, const position& at, const std::string& next) {
    kobo_.answered = at.text() + (out.more ? "+" : "");
    kobo_.promised = out.more ? next : "";
    kobo_.answered_at = kobo_.last_sync_at = now();
    store_run(tx_, kobo_);
    return out;
  }

  db::tx& tx_;
  const sync_request& in_;
  const sync_settings& how_;
  const library::store& store_;
  const std::string& key_;
  kobo_row kobo_;
  std::string lost_;        // why nothing is known of its place
  bool sampled_ = false;    // a sample of some book is told in this run
  bool unsettled_ = false;  // more will be to say though nothing changes: books are kept back, or a sample is told
};

}  // namespace

sync_answer run_sync(db::tx& tx, const sync_request& in, const sync_settings& how, const library::store& store,
                     const std::string& key) {
  conversation c(tx, in, how, store, key);
  return c.run();
}

}  // namespace carrel::kobo
