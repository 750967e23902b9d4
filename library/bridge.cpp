#include "library/bridge.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "library/app_place.hpp"
#include "library/bridge_rows.hpp"
#include "library/document.hpp"
#include "library/kobo_place.hpp"
#include "publication/locator/kobo.hpp"
#include "publication/locator/variant.hpp"
#include "publication/locator/xpointer.hpp"
#include "server/core/file.hpp"
#include "server/core/log.hpp"
#include "server/core/thread.hpp"

namespace carrel::library {
namespace {

namespace locator = publication::locator;
using locator::quality;
using publication::isolated::found_place;
using publication::isolated::place_wish;

constexpr std::chrono::milliseconds lull{500};  // a new document is being linked meanwhile, and a burst is one change
constexpr int most_to_catch_up = 1000;
constexpr double finished_at = 0.99;  // kosync.md 9.6

// A download waits in the line of documents under this name.
constexpr std::string_view of_file = "file:";

bool has_pages(const linked_document& d) { return !d.format.empty() && d.format != "epub" && d.format != "kepub"; }

// Kobos and apps are told in other ways, or ask.
bool has_own_words(const linked_document& d) { return is_kobo_document(d.document) || is_app_document(d.document); }

// A place, and the measure of the variant that it is a place of.
struct located {
  locator::position at;
  locator::measure of;
  bool finished = false;
  std::uint64_t counted = 0;  // characters of its document, when the measure is not at hand
};

located by_fraction(double fraction, locator::measure of) {
  std::optional<locator::position> at = of.at_fraction(fraction);
  if (!at) at = locator::position{.total_fraction = fraction, .how = quality::fraction};
  return {.at = std::move(*at), .of = std::move(of)};
}

// Of a book that was finished; who opens it anew begins it.
bool is_end(const known_place& k) { return k.at.total_fraction >= finished_at; }

// What is said to another document of the reader.
struct message {
  const linked_document* to = nullptr;
  std::string progress;
  double percentage = 0;
};

}  // namespace

struct bridge::state {
  explicit state(bridge_services s) : with(std::move(s)) {}

  using key = std::pair<uuid, std::string>;

  void run() {
    std::unique_lock guard(mutex);
    while (!closing) {
      changed.wait(guard, [&] { return closing || !waiting.empty(); });
      changed.wait_for(guard, lull, [&] { return closing; });
      if (closing) return;
      std::set<key> turn = std::exchange(waiting, {});
      guard.unlock();
      work_off(turn);
      guard.lock();
    }
  }

  bool stopping() {
    std::lock_guard guard(mutex);
    return closing;
  }

  void work_off(const std::set<key>& turn) {
    for (const auto& [user, document] : turn) {
      if (stopping()) return;  // what is left is found again after the next start
      try {
        if (document.starts_with(of_file))
          open_there(user, document.substr(of_file.size()));
        else
          carry(user, document);
      } catch (const std::exception& e) {
        log::warn("position.bridge", {{"document", document}, {"reason", e.what()}});
      }
    }
  }

  void carry(const uuid& user, const std::string& document) {
    std::optional<linked_book> book = with.pool.read_now([&](db::tx& tx) { return load_linked(tx, user, document); });
    const linked_document* heard = book ? book->find(document) : nullptr;
    if (heard == nullptr || is_bridged(heard->device_key)) return;
    std::optional<uuid> away;  // a file that could not be read
    located where = locate(*book, *heard, away);
    heard_place said{.at = where.at,
                     .document = document,
                     .when = heard->at,
                     .by_person = heard->origin == "restore" || heard->origin == "web",
                     .said_twice = heard->said_twice,
                     .before = heard->before};
    effect what = effect_of(book->place, said);
    bool moves = what == effect::moves;
    std::vector<message> others;
    std::optional<publication::kepub::location> kobos;
    // What is finished goes out as a status, not as a place; on Kobos 100 % belongs to that (kosync.md 11.7, kobo.md 10.3).
    if (moves && !where.finished) others = words_for(*book, *heard, where, away);
    if (moves && !(where.finished && is_kobo_document(document))) kobos = words_for_kobos(*book, *heard, where);
    // What is known is of a later time, and perhaps of a document that is not that of the place any more.
    const linked_document* source = heard;
    if (what == effect::older && !is_end(*book->place)) {
      source = book->find(book->place->document);
      if (source != nullptr) others = words_for(*book, *source, place_of(*book->place), away, document);
    }
    // An echo of the last page, or a weaker word for it, ends the book as well.
    bool ends = what != effect::older && where.finished && !is_kobo_document(document) && !kobos_spoke_since(*book, heard->at);
    bool superseded = with.pool.write_now([&](db::tx& tx) {
      std::vector<std::string> targets;
      targets.reserve(others.size());
      for (const message& m : others) targets.push_back(m.to->document);
      std::optional<linked_book> is = lock_linked(tx, user, document, targets);
      const linked_document* same = is ? is->find(document) : nullptr;
      if (same == nullptr || is->book != book->book || same->revision != heard->revision || is->revision != book->revision)
        return true;
      std::erase_if(others, [&](const message& m) {
        const linked_document* to = is->find(m.to->document);
        return to == nullptr || has_spoken_since(*to, heard->at);
      });
      if (kobos || ends) tell_kobos(tx, user, book->entitlement, kobos, heard->at, ends);
      if (source != nullptr) tell(tx, user, *source, book->book, others);
      if (moves) store_place(tx, user, book->book, {.at = where.at, .document = document, .since = heard->at}, *heard);
      note_bridged(tx, user, *heard, where.at.how, away);
      return false;
    });
    if (superseded) again(user, document);
  }

  // A file that no client has named yet opens at the reader's place.
  void open_there(const uuid& user, const std::string& fetched) {
    constexpr std::size_t id_length = 36;
    uuid file = uuid::parse(fetched.substr(0, id_length)).value();
    std::string copy = fetched.substr(id_length);
    std::optional<fetched_file> f = with.pool.read_now([&](db::tx& tx) { return load_fetched(tx, user, file, copy); });
    if (!f || !f->book.place || is_end(*f->book.place)) return;
    const linked_document* source = f->book.find(f->book.place->document);
    if (source == nullptr) return;
    std::optional<uuid> away;
    std::vector<message> all = words_for(f->book, *source, place_of(*f->book.place), away, f->document);
    with.pool.write_now([&](db::tx& tx) {
      std::optional<fetched_file> still = load_fetched(tx, user, file, copy);
      if (still && still->book.revision == f->book.revision) tell(tx, user, *source, f->book.book, all);
    });
  }

  // Something was said while this was looked for: from the start, with what is known now.
  void again(const uuid& user, const std::string& document) {
    std::lock_guard guard(mutex);
    waiting.emplace(user, document);
  }

  // ---- what a push means ----

  // `away`: the file, when it could not be read; another time the place may be known better.
  located locate(const linked_book& book, const linked_document& d, std::optional<uuid>& away) {
    if (is_kobo_document(d.document)) return locate_kobo(book, d);
    place_wish wish;
    wish.xpointer = d.progress;
    if (is_app_document(d.document)) wish.readium = app_locator(d);
    located out = locate_in_file(d, std::move(wish), away);
    out.finished = d.percentage >= finished_at;
    return out;
  }

  // Of what was restored only the fraction is left.
  static locator::readium_locator app_locator(const linked_document& d) {
    locator::readium_locator out = app_locator_from(d.payload).value_or(locator::readium_locator());
    out.total_progression = d.percentage;
    return out;
  }

  located locate_in_file(const linked_document& d, place_wish wish, std::optional<uuid>& away) {
    if (has_pages(d)) return by_fraction(d.percentage, {});
    std::optional<found_place> found;
    if (d.variant != "replaced") found = ask(d, std::move(wish), away);
    std::optional<locator::measure> lengths = found ? locator::measure::unpack(found->measure) : std::nullopt;
    if (!found || !found->at || !lengths || contradicts(*found->at, d.percentage))
      return by_fraction(d.percentage, lengths.value_or(locator::measure()));
    if (d.variant.empty() && !is_app_document(d.document) && found->at->how == quality::exact)
      found->at->how = quality::element;  // of a file that has its name
    return {.at = std::move(*found->at), .of = std::move(*lengths)};
  }

  located locate_kobo(const linked_book& book, const linked_document& d) {
    std::optional<kobo_place> k = d.payload.empty() ? kobo_place_of(d.progress) : kobo_place_from(d.payload);
    std::optional<publication::kepub::span_map> map = book.kobo;
    if (k && k->artifact) map = with.pool.read_now([&](db::tx& tx) { return map_of_artifact(tx, *k->artifact); });
    locator::measure of = map ? locator::measure_of(*map) : locator::measure();
    bool restored_end = d.payload.empty() && d.percentage >= finished_at;
    if ((k && k->finished) || restored_end) {
      located out = by_fraction(1, std::move(of));
      out.at.how = quality::item;
      out.finished = true;
      return out;
    }
    std::optional<locator::position> at;
    auto percent = [](const std::optional<std::int64_t>& n) { return n ? std::optional<double>(*n) : std::nullopt; };
    if (k && map) at = locator::from_kobo(*map, k->source, k->value, percent(k->in_document), percent(k->in_book));
    if (!at) return by_fraction(d.percentage, std::move(of));
    located out{.at = std::move(*at), .of = std::move(of)};
    // Its words are in the book's own file, if that has the same text: a Kobo says numbers only.
    std::optional<uuid> ignored;
    std::optional<found_place> there = ask(d, wish_for(out), ignored);
    if (there && there->at && there->at->how == quality::exact) {
      out.at.before = there->at->before;
      out.at.after = there->at->after;
    }
    return out;
  }

  static place_wish wish_for(const located& where) {
    std::optional<std::size_t> in = where.of.document_named(where.at.href);
    place_wish out;
    out.position = where.at;
    out.counted = in ? where.of.documents()[*in].nw : where.counted;
    return out;
  }

  // The place as it was stored, without the measure of its file: how long its document is, it knows itself.
  static located place_of(const known_place& k) {
    located out{.at = k.at, .of = {}};
    if (k.at.nw_offset > 0 && k.at.item_fraction > 0)
      out.counted = static_cast<std::uint64_t>(std::llround(static_cast<double>(k.at.nw_offset) / k.at.item_fraction));
    return out;
  }

  // ---- what others are told ----

  static bool kobos_spoke_since(const linked_book& book, instant at) {
    const linked_document* own = book.find(kobo_document(book.entitlement));
    return own != nullptr && has_spoken_since(*own, at);
  }

  std::optional<publication::kepub::location> words_for_kobos(const linked_book& book, const linked_document& heard,
                                                              const located& where) {
    bool from_kobo = is_kobo_document(heard.document) && heard.origin == "kobo";  // they tell each other
    if (from_kobo || kobos_spoke_since(book, heard.at)) return std::nullopt;
    // A file without spans has only percents in common with others (kobo.md 10.3).
    if (!book.kobo) {
      publication::kepub::location percents;
      percents.in_book = where.finished ? 100 : static_cast<int>(std::floor(where.at.total_fraction * 100));
      return percents;
    }
    std::optional<locator::position> there = locator::moved(where.at, where.of, locator::measure_of(*book.kobo));
    return there ? locator::to_kobo(*book.kobo, *there, where.finished) : std::nullopt;
  }

  // For all other documents of the reader, or one of them.
  std::vector<message> words_for(const linked_book& book, const linked_document& heard, const located& where,
                                 std::optional<uuid>& away, const std::optional<std::string>& only = std::nullopt) {
    std::vector<message> out;
    for (const linked_document& d : book.documents) {
      if (only && d.document != *only) continue;
      if (d.document == heard.document || has_own_words(d) || has_pages(d) != has_pages(heard)) continue;
      if (has_spoken_since(d, heard.at)) continue;
      if (is_weaker_word(where.at, d.percentage) || d.variant == "replaced") continue;
      if (has_pages(d)) {
        if (d.checksum == heard.checksum) out.push_back({&d, heard.progress, heard.percentage});
        continue;
      }
      std::optional<found_place> found = ask(d, wish_for(where), away);
      // What cannot be said in its words is not said (kosync.md 11.5).
      if (found && found->at && found->pointer) out.push_back({&d, found->pointer->text, locator::percentage(*found->at)});
    }
    return out;
  }

  void tell(db::tx& tx, const uuid& user, const linked_document& heard, const uuid& book, const std::vector<message>& all) {
    std::vector<position> out;
    for (const message& m : all) {
      position p;
      p.user = user;
      p.document = m.to->document;
      p.progress = m.progress;
      p.percentage = m.percentage;
      p.device = heard.device;
      p.device_id = heard.device_id ? heard.device_id : std::optional<std::string>(uuid::of_name(book, heard.device).text());
      p.device_key = is_bridged(heard.device_key) ? heard.device_key : std::string(bridge_key) + heard.device_key;
      p.origin = heard.origin;
      p.timestamp = heard.timestamp;
      out.push_back(std::move(p));
    }
    put_positions(tx, out, with.policy);
    for (const message& m : all) {
      if (m.to->is_unread()) link_document(tx, user, m.to->document);
    }
  }

  // ---- the books themselves ----

  std::optional<found_place> ask(const linked_document& d, place_wish wish, std::optional<uuid>& away) {
    std::optional<made_file> bytes = bytes_of(d);
    file source(bytes ? ::open(bytes->path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1);
    if (!source) {
      // A conversion that cannot be made any more, though its source is there, is not waited for.
      if (::access(with.files.absolute(d.storage_path).c_str(), R_OK) != 0) away = d.file;
      return std::nullopt;
    }
    wish.measure = with.pool.read_now([&](db::tx& tx) { return measure_of(tx, bytes->checksum); });
    result<found_place, publication::refusal> found = with.readers.locate(source.get(), d.name, wish);
    if (!found) {
      log::info("position.bridge", {{"file", d.file->text()}, {"code", found.error().code}});
      if (found.error().detail == publication::isolated::no_process) away = d.file;
      return std::nullopt;
    }
    if (wish.measure.empty())
      with.pool.write_now([&](db::tx& tx) { store_measure(tx, bytes->checksum, *d.file, found->measure); });
    return std::move(*found);
  }

  std::optional<made_file> bytes_of(const linked_document& d) const {
    if (!d.file) return std::nullopt;
    if (d.variant == "kepub") return with.made ? with.made(*d.file, d.document) : std::nullopt;
    return made_file{.path = with.files.absolute(d.storage_path), .checksum = d.checksum};
  }

  bridge_services with;
  std::mutex mutex;
  std::condition_variable changed;
  std::set<key> waiting;
  bool closing = false;
  std::thread thread;
};

bridge::bridge(bridge_services s) : state_(std::make_unique<state>(std::move(s))) {}

bridge::~bridge() { stop(); }

void bridge::start() {
  state_->thread = quiet_thread([s = state_.get()] { s->run(); });
}

void bridge::stop() {
  {
    std::lock_guard guard(state_->mutex);
    state_->closing = true;
    state_->changed.notify_all();
  }
  if (state_->thread.joinable()) state_->thread.join();
}

void bridge::moved(const uuid& user, const std::string& document) {
  std::lock_guard guard(state_->mutex);
  state_->waiting.emplace(user, document);
  state_->changed.notify_all();
}

void bridge::fetched(const uuid& user, const uuid& file, const std::string& copy) {
  moved(user, std::string(of_file) + file.text() + copy);
}

int bridge::catch_up() {
  std::vector<unbridged> left = state_->with.pool.read_now([](db::tx& tx) { return unbridged_documents(tx, most_to_catch_up); });
  for (const unbridged& u : left) moved(u.user, u.document);
  return static_cast<int>(left.size());
}

void bridge::settle() {
  std::set<state::key> turn;
  {
    std::lock_guard guard(state_->mutex);
    turn = std::exchange(state_->waiting, {});
  }
  state_->work_off(turn);
}

}  // namespace carrel::library
