// Managed with write-back: into the EPUBs themselves (product.md 3.2; ingest.md 4.5; kobo.md 8.4; kosync.md 8.6).

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "../../unit/publication/epub_maker.hpp"
#include "ingest/in_place.hpp"
#include "ingest/library_acts.hpp"
#include "ingest/merging.hpp"
#include "ingest/replace.hpp"
#include "library/attic.hpp"
#include "library/document.hpp"
#include "written_tree.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

// What somebody does when the writer has come to a step, the first time.
struct meddling {
  meddling(written& t, step when, std::function<void()> what) : bench(t) {
    now = this;
    at = when;
    act = std::move(what);
    bench.b.with.reached = [](step s) {
      if (now == nullptr || s != now->at || now->done) return;
      now->done = true;
      now->act();
    };
  }
  ~meddling() {
    bench.b.with.reached = nullptr;
    now = nullptr;
  }
  meddling(const meddling&) = delete;
  meddling& operator=(const meddling&) = delete;

  static meddling* now;
  written& bench;
  step at{};
  std::function<void()> act;
  bool done = false;
};
meddling* meddling::now = nullptr;

// The row, the file and the journal agree; nothing lies about.
void check_agreed(written& t) {
  CHECK(t.sum(small_epub) == t.checksum());
  CHECK(t.b.number("select file_size from book_files") == static_cast<std::int64_t>(fs::file_size(t.root / small_epub)));
  CHECK(t.b.number("select count(*) from file_writes") == 0);
  CHECK(t.tree().find(".tmp") == std::string::npos);
}

fs::path left_beside(const written& t) {
  for (const fs::directory_entry& e : fs::directory_iterator(t.root / small_folder)) {
    if (e.path().extension() == ".tmp") return e.path();
  }
  return {};
}

void run_jobs(written& t) {
  db::notifier bell(t.b.database.url());
  jobs::workers w(t.b.pool, bell, 1, "test");
  register_write_back(w, t.b.with);
  while (w.run_one()) {
  }
}

void an_hour_passes(written& t) {
  t.b.pool.write_now([](db::tx& tx) { tx.script("update written_books set at = at - interval '2 hours'"); });
}

}  // namespace

TEST_CASE("an EPUB carries what the library says, and every fingerprint it ever had leads to its book") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  std::string old = t.checksum(), partial = t.b.text("select koreader_md5 from book_files");
  std::string content = t.b.text("select content_hash from book_files");
  std::string bytes = read(t.root / small_epub);
  t.set(book, "publisher", "Press & Sons");
  CHECK(t.settle().empty());
  CHECK(t.tree() == small_epub + "\n");
  CHECK(t.inside(small_epub).publisher == "Press & Sons");
  CHECK(t.checksum() != old);
  check_agreed(t);
  CHECK(t.b.text("select content_hash from book_files") == content);
  CHECK(t.kept_in_attic(old) == 1);

  uuid user = t.b.pool.write_now([](db::tx& tx) { return library::add_user(tx, "cy", library::role::reader, std::nullopt).id; });
  for (const std::string& document : {partial, t.b.text("select koreader_md5 from book_files")}) {
    t.b.text("with d as (insert into documents (user_id, document) values ('" + user.text() + "', '" + document +
             "') returning 1) select count(*)::text from d");
    CHECK(t.b.pool.write_now([&](db::tx& tx) { return library::link_document(tx, user, document); }) == book);
  }
  // Its row was changed with it: reading every byte again finds nothing.
  uuid file = *uuid::parse(t.b.text("select id::text from book_files"));
  CHECK(look_again(t.b.with, file));
  CHECK(t.due().empty());
  CHECK(t.state() == "written");
}

TEST_CASE("a written file is not written again, and one that says it all is left alone") {
  written t("files");
  uuid book = t.take("x.epub");
  CHECK(t.settle().empty());
  std::string sum = t.checksum(), rows = t.b.rows_of_everything();
  CHECK_FALSE(write_book(t.b.with, t.is(), t.choice(), book));
  CHECK(t.b.rows_of_everything() == rows);
  // A change that is undone costs no second file in the end, and nothing of what is not chosen is written.
  t.choose(*library::write_choice_of("files", {"title"}));
  t.set(book, "publisher", "Not chosen");
  CHECK(t.settle().empty());
  CHECK(t.checksum() == sum);
}

TEST_CASE("the bytes before can be had back from the attic, and are not overruled until the book says something else") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  std::string old = t.checksum();
  t.set(book, "publisher", "First");
  CHECK(t.settle().empty());
  uuid kept = *uuid::parse(t.b.text("select detail->>'kept' from audit where action = 'file.replace'"));
  std::optional<library::attic_entry> entry = library::find_attic_entry(t.b.data / "attic", kept);
  REQUIRE(entry);
  fs::copy(t.b.data / "attic" / kept.text() / entry->name, t.b.data / "staging" / "back");
  uuid file = *uuid::parse(t.b.text("select id::text from book_files"));
  CHECK_FALSE(replace_file(t.b.with, file, t.b.data / "staging" / "back", ada));
  CHECK(t.settle().empty());
  CHECK(t.checksum() == old);
  check_agreed(t);
  t.set(book, "publisher", "Second");
  CHECK(t.settle().empty());
  CHECK(t.inside(small_epub).publisher == "Second");
}

TEST_CASE("a merge can be taken back after the file was written: the newer one has the bytes that were written") {
  written t("files");
  uuid older = t.take("x.epub"), newer = t.take("y.epub", {.title = "Newer", .text = "Newer words."});
  CHECK(t.settle().empty());
  result<library::merge_outcome> out = merge_books(t.b.with, older, {newer}, library::merge_act::replace, ada);
  REQUIRE(out);
  REQUIRE(t.b.number("select count(*) from book_files") == 1);
  for (const char* publisher : {"Press", "Sons"}) {
    t.set(older, "publisher", publisher);
    CHECK(t.settle().empty());
  }
  std::string written_as = t.checksum(), partial = t.b.text("select koreader_md5 from book_files");
  result<library::unmerge_outcome> back = undo_merge(t.b.with, out->merge, ada);
  REQUIRE(back);
  for (const std::string& left : back->left) CHECK(left != "book_files");
  REQUIRE(t.b.number("select count(*) from book_files") == 2);
  CHECK(t.b.text("select checksum from book_files where book_id = '" + newer.text() + "'") == written_as);
  CHECK(t.b.text("select book_id::text from book_file_hashes where hash = '" + partial + "' and kind = 'partial'") ==
        newer.text());
  CHECK(t.b.text("select f.book_id::text from written_files w join book_files f on f.id = w.file_id where w.after = '" +
                 written_as + "'") == newer.text());
  CHECK(t.settle().empty());
  for (const uuid& book : {older, newer}) {
    std::string of = " from book_files where book_id = '" + book.text() + "'";
    CHECK(sha256_of(t.b.store.absolute(t.b.text("select storage_path" + of))) == t.b.text("select checksum" + of));
  }
}

TEST_CASE("other formats and what cannot be changed safely get the side file") {
  written t("files");
  write(t.b.inbox / "x.txt", "The only words of this book, and there are not many of them.\n");
  outcome o = t.b.take({t.b.inbox / "x.txt"});
  REQUIRE(o.added.size() == 1);
  CHECK(t.settle().empty());
  CHECK(t.tree().find("metadata.opf") != std::string::npos);
  CHECK(t.state() == "written");
}

TEST_CASE("a book that a Kobo has is written beside its file, and into it when no Kobo has it any more") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  t.fetch_with_kobo(book);
  t.set(book, "publisher", "Press");
  t.organise();
  std::string old = t.checksum();
  std::string kobo = t.b.text("select coalesce(kobo_file::text, '') || file_version::text from books");
  result<library::write_preview> seen = preview_write_back(t.b.with, t.id, t.choice(), 10);
  REQUIRE(seen);
  CHECK((seen->held == 1 && seen->files == 0 && seen->beside == 1));
  CHECK(t.settle().empty());
  CHECK(t.checksum() == old);
  CHECK(t.b.text("select coalesce(kobo_file::text, '') || file_version::text from books") == kobo);
  CHECK(t.state() == "held");
  CHECK(t.beside(small_folder + "metadata.opf").about.publisher == "Press");
  CHECK(t.due().empty());
  library::write_counts n = t.counts();
  CHECK((n.held == 1 && n.failed == 0 && n.waiting == 0));

  uuid reader = *uuid::parse(t.b.text("select id::text from users where name = 'reader'"));
  std::vector<library::unwritten_book> told =
      t.b.pool.read_now([&](db::tx& tx) { return library::unwritten_books(tx, reader, t.id, std::nullopt, 10); });
  REQUIRE(told.size() == 1);
  CHECK(told[0].book == book);
  CHECK(told[0].problem == "kobo_holds");

  t.b.pool.write_now([](db::tx& tx) { tx.script("update devices set revoked_at = now()"); });
  CHECK(t.due().size() == 1);
  CHECK(t.settle().empty());
  CHECK(t.inside(small_epub).publisher == "Press");
  CHECK(t.state() == "written");
  check_agreed(t);
  // What lies beside it is not left to say something old.
  t.set(book, "publisher", "Later");
  CHECK(t.settle().empty());
  CHECK(t.beside(small_folder + "metadata.opf").about.publisher == "Later");
}

TEST_CASE("a Kobo that fetches the book while it is written keeps its file") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  t.set(book, "publisher", "Press");
  t.organise();
  std::string old = t.checksum();
  for (step s : {step::in_attic, step::placed}) {
    meddling kobo(t, s, [&] {
      if (s == step::in_attic) t.fetch_with_kobo(book);
    });
    t.settle();
  }
  CHECK(t.checksum() == old);
  CHECK(t.state() == "held");
  check_agreed(t);
}

TEST_CASE("a file that somebody has changed is not overwritten, and is told of") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  write(t.root / small_epub, epub({.title = "Theirs"}));
  std::string theirs = t.sum(small_epub), row = t.checksum();
  t.set(book, "publisher", "Press");
  CHECK(t.settle() == "file_changed");
  CHECK(t.sum(small_epub) == theirs);
  CHECK(t.checksum() == row);
  CHECK(t.state() == "failed");
}

TEST_CASE("a file that somebody changes while it is written stays theirs at whatever moment") {
  for (step s : {step::hashed, step::in_staging, step::in_attic, step::placed}) {
    written t("files");
    INFO("step " << static_cast<int>(s));
    uuid book = t.take("x.epub");
    t.organise();
    std::string old = t.checksum();
    t.set(book, "publisher", "Press");
    std::string theirs = epub({.title = "Theirs", .text = "Their words."});
    meddling other(t, s, [&] {
      write(t.b.folder / "theirs", theirs);
      fs::rename(t.b.folder / "theirs", t.root / small_epub);
    });
    t.settle();
    CHECK(other.done);
    CHECK(read(t.root / small_epub) == theirs);
    // What was there before is not lost, unless they have put theirs over it themselves.
    if (s == step::in_attic || s == step::placed) CHECK(t.kept_in_attic(old) == 1);
    CHECK(t.tree().find(".tmp") == std::string::npos);
  }
}

TEST_CASE("a file that gets other bytes from its owner while it is written keeps those") {
  for (step s : {step::in_staging, step::in_attic, step::placed}) {
    written t("files");
    INFO("step " << static_cast<int>(s));
    uuid book = t.take("x.epub");
    t.organise();
    t.set(book, "publisher", "Press");
    std::string better = epub({.text = "A better text of it."});
    uuid file = *uuid::parse(t.b.text("select id::text from book_files"));
    meddling owner(t, s, [&] {
      write(t.b.data / "staging" / "better", better);
      CHECK_FALSE(replace_file(t.b.with, file, t.b.data / "staging" / "better", ada));
    });
    t.settle();
    CHECK(t.settle().empty());
    CHECK(t.inside(small_epub).publisher == "Press");
    CHECK(t.b.number("select count(*) from book_file_hashes where hash = '" + sha256_hex(better) + "'") == 1);
    CHECK(t.b.text("select before from written_files") == sha256_hex(better));
    check_agreed(t);
  }
}

TEST_CASE("killed at any step, the file is the old one or the new one, and the next run leads to the new one") {
  for (step s : {step::hashed, step::in_staging, step::in_attic, step::placed, step::stored, step::source_gone}) {
    for (bool moves : {false, true}) {
      written t("files");
      INFO("step " << static_cast<int>(s) << (moves ? ", it gets another place meanwhile" : ""));
      uuid book = t.take("x.epub");
      t.organise();
      std::string old = t.checksum();
      t.set(book, "publisher", "Press");
      t.organise();
      CHECK(run_helper(t.b, "write", s, 1) == SIGKILL);
      CHECK((t.sum(small_epub) == old || t.inside(small_epub).publisher == "Press"));
      std::string at = small_epub;
      if (moves) {
        t.set(book, "title", "Moved");
        at = "Ada Lark/Moved/Moved - Ada Lark.epub";
      } else {
        settle_file_writes(t.b.with, std::nullopt);
        CHECK((t.checksum() == old || s == step::stored || s == step::source_gone));
        check_agreed(t);
      }
      CHECK(t.settle().empty());
      CHECK(t.tree() == at + "\n");
      CHECK(t.inside(at).publisher == "Press");
      CHECK(t.sum(at) == t.checksum());
      CHECK(t.b.number("select count(*) from file_writes") == 0);
      CHECK(t.kept_in_attic(old) >= 1);
    }
  }
}

TEST_CASE("of two who write the same book one does it") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  std::string old = t.checksum();
  t.set(book, "publisher", "Press");
  t.organise();
  library::book_library l = t.is();
  library::write_choice c = t.choice();
  auto write = [&] { write_book(t.b.with, l, c, book); };
  std::thread one(write), two(write);
  one.join();
  two.join();
  CHECK(t.settle().empty());
  CHECK(t.inside(small_epub).publisher == "Press");
  CHECK(t.b.number("select count(*) from audit where action = 'file.replace'") == 1);
  CHECK(t.kept_in_attic(old) == 1);
  check_agreed(t);
}

TEST_CASE("where the disk cannot exchange names, an interruption is made good from the attic") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  std::string old = t.checksum();
  t.set(book, "publisher", "Press");
  t.organise();
  CHECK(run_helper(t.b, "write", step::placed, 1) == SIGKILL);
  CHECK(t.sum(small_epub) != old);
  for (const fs::directory_entry& e : fs::directory_iterator(t.root / small_folder)) {
    if (e.path().extension() == ".tmp") fs::remove(e.path());  // as a plain rename leaves it
  }
  settle_file_writes(t.b.with, book);
  CHECK(t.checksum() == old);
  check_agreed(t);
}

TEST_CASE("a full disk leaves the old file, and an error that can be read") {
  fs::path root = harness::fresh_folder("full-tree");
  written t("files", fs::canonical(root));
  uuid book = t.take("x.epub", {.text = std::string(3000, 'x') + " y"});
  t.organise();
  std::string old = t.checksum();
  t.set(book, "publisher", "Press");
  t.organise();
  std::optional<int> ended = write_in_little_room(t, "12k");
  if (!ended) return;
  CHECK(*ended == 75);
  CHECK(read(t.b.folder / "said").find("disk_full") != std::string::npos);
  CHECK(sha256_hex(read(t.b.folder / "copy" / small_epub)) == old);
  CHECK(t.checksum() == old);
  CHECK(t.settle().empty());
  CHECK(t.inside(small_epub).publisher == "Press");
}

TEST_CASE("a disk that goes away while a file is written takes no bytes with it, and the file is put right when it is back") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  std::string old = t.checksum();
  t.set(book, "publisher", "Press");
  t.organise();
  {
    meddling gone(t, step::placed, [&] {
      t.fetch_with_kobo(book);
      fs::rename(t.root, t.b.folder / "unplugged");
      fs::create_directory(t.root);
    });
    std::optional<error> bad = write_book(t.b.with, t.is(), t.choice(), book);
    REQUIRE(bad);
    CHECK(bad->field == "folder_unavailable");
  }
  for (const std::optional<uuid>& of : {std::optional<uuid>(), std::optional(book)}) {
    std::optional<error> bad = settle_file_writes(t.b.with, of);
    REQUIRE(bad);
    CHECK(bad->field == "folder_unavailable");
  }
  CHECK(t.b.number("select count(*) from file_writes") == 1);
  fs::remove(t.root);
  fs::rename(t.b.folder / "unplugged", t.root);
  CHECK(t.sum(small_epub) != old);
  CHECK_FALSE(settle_file_writes(t.b.with, std::nullopt));
  CHECK(t.checksum() == old);
  check_agreed(t);
}

TEST_CASE("a folder that cannot be opened just now is not taken for one that is gone") {
  if (::geteuid() == 0) return;  // may open everything
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  t.set(book, "publisher", "Press");
  t.organise();
  CHECK(run_helper(t.b, "write", step::placed, 1) == SIGKILL);
  fs::permissions(t.root / "Ada Lark", fs::perms::none);
  CHECK(settle_file_writes(t.b.with, std::nullopt)->field == "folder_unavailable");
  CHECK(t.b.number("select count(*) from file_writes") == 1);
  fs::permissions(t.root / "Ada Lark", fs::perms::owner_all);
  CHECK_FALSE(settle_file_writes(t.b.with, std::nullopt));
  check_agreed(t);
}

TEST_CASE("a tree that can only be read is one error, not one of every book") {
  written t("files");
  t.take("x.epub");
  t.organise();
  std::string tree = "'" + t.root.native() + "'";
  std::string read_only = "mount --bind " + tree + " " + tree + " && mount -o remount,bind,ro " + tree;
  if (unshared(read_only) != 0) {
    WARN("nothing can be mounted here");
    return;
  }
  CHECK(unshared(read_only + " && " + command_to_write(t)) == 75);
  CHECK(read(t.b.folder / "said").find("folder_unavailable") != std::string::npos);
  CHECK(t.state().empty());
}

TEST_CASE("what somebody saves into the old file after its name was exchanged stays, and is told of") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  t.set(book, "publisher", "Press");
  {
    meddling other(t, step::placed, [&] { write(left_beside(t), "theirs"); });
    CHECK(t.settle() == "file_changed");
  }
  REQUIRE_FALSE(left_beside(t).empty());
  CHECK(read(left_beside(t)) == "theirs");
  CHECK(t.inside(small_epub).publisher == "Press");
  CHECK(t.sum(small_epub) == t.checksum());
  an_hour_passes(t);
  CHECK(t.settle() == "file_changed");
  CHECK(read(left_beside(t)) == "theirs");
  fs::remove(left_beside(t));
  an_hour_passes(t);
  CHECK(t.settle().empty());
  check_agreed(t);
}

TEST_CASE("what somebody saved into the old file before an interruption gets the name back") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  std::string old = t.checksum();
  t.set(book, "publisher", "Press");
  t.organise();
  CHECK(run_helper(t.b, "write", step::placed, 1) == SIGKILL);
  write(left_beside(t), "theirs");
  CHECK_FALSE(settle_file_writes(t.b.with, book));
  CHECK(read(t.root / small_epub) == "theirs");
  CHECK(left_beside(t).empty());
  CHECK(t.checksum() == old);
}

TEST_CASE("no file is written when that would take what the database needs") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  std::string old = t.checksum();
  t.b.with.how.reserve = std::uint64_t(1) << 62;
  std::optional<error> bad = write_book(t.b.with, t.is(), t.choice(), book);
  REQUIRE(bad);
  CHECK(bad->field == "disk_full");
  CHECK(t.sum(small_epub) == old);
  t.b.with.how.reserve = 0;
  CHECK(t.settle().empty());
}

TEST_CASE("what goes wrong with one book is noted, and does not stop the next one") {
  written t("files");
  uuid one = t.take("x.epub"), two = t.take("y.epub", {.title = "Other", .text = "Other words."});
  t.set(one, "publisher", "Press");
  t.set(two, "publisher", "Press");
  t.organise();
  {
    meddling trouble(t, step::in_staging, [] { throw std::runtime_error("something unforeseen"); });
    run_jobs(t);
    CHECK(trouble.done);
  }
  CHECK(t.b.text("select string_agg(state || ' ' || problem, ', ' order by state) from written_books") ==
        "failed write_failed, written ");
  an_hour_passes(t);
  CHECK(t.settle().empty());
  CHECK(t.inside(small_epub).publisher == "Press");
  CHECK(t.inside("Ada Lark/Other/Other - Ada Lark.epub").publisher == "Press");
  CHECK(t.b.number("select count(*) from file_writes") == 0);
  CHECK(t.tree().find(".tmp") == std::string::npos);
}

TEST_CASE("a file that becomes another book's while it is written is put right all the same") {
  written t("files");
  uuid one = t.take("x.epub"), two = t.take("y.epub", {.title = "Other", .text = "Other words."});
  t.organise();
  std::string old = t.sum(small_epub);
  t.set(one, "publisher", "Press");
  t.organise();
  {
    meddling merges(t, step::placed, [&] {
      t.fetch_with_kobo(two);
      CHECK(merge_books(t.b.with, two, {one}, library::merge_act::merge, ada));
    });
    CHECK_FALSE(write_book(t.b.with, t.is(), t.choice(), one));
    CHECK(merges.done);
  }
  CHECK(t.sum(small_epub) == old);
  CHECK(t.b.number("select count(*) from book_files where checksum = '" + old + "'") == 1);
  CHECK(t.b.number("select count(*) from file_writes") == 0);
  CHECK(t.tree().find(".tmp") == std::string::npos);
}

TEST_CASE("a library that is told to stop while a file is written leaves that file as it was") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  std::string old = t.checksum();
  t.set(book, "publisher", "Press");
  t.organise();
  {
    meddling stop(t, step::in_attic, [&] { t.choose({}); });
    CHECK_FALSE(write_book(t.b.with, t.is(), t.choice(), book));
  }
  CHECK(t.checksum() == old);
  CHECK(t.tree() == small_epub + "\n");
  check_agreed(t);
}

TEST_CASE("a signed EPUB is never written into, and has its side file as soon as that can be written") {
  written t("files");
  publication::test::epub is;
  is.more.push_back({"META-INF/signatures.xml", "<signatures xmlns='urn:oasis:names:tc:opendocument:xmlns:container'/>"});
  write(t.b.inbox / "x.epub", is.bytes());
  outcome o = t.b.take({t.b.inbox / "x.epub"});
  REQUIRE(o.added.size() == 1);
  t.set(o.added[0].book, "publisher", "Press");
  t.organise();
  fs::path side = t.root / "Ada Lark/Plain/metadata.opf";
  write(side, "mine");
  CHECK(t.settle() == "side_file_there");
  fs::remove(side);
  for (int again = 0; again < 2; ++again) {
    an_hour_passes(t);
    CHECK(t.settle().empty());
  }
  CHECK(t.beside("Ada Lark/Plain/metadata.opf").about.publisher == "Press");
  CHECK(t.checksum() == sha256_hex(is.bytes()));
  CHECK(t.b.text("select after from written_files").empty());
}

TEST_CASE("a file that is written keeps its owner, its group and its rights") {
  written t("files");
  uuid book = t.take("x.epub");
  t.organise();
  bool may = ::geteuid() == 0;
  if (may) CHECK(::chown((t.root / small_epub).c_str(), 12345, 12346) == 0);
  fs::permissions(t.root / small_epub, fs::perms(0664));
  struct stat before {
  }, after{};
  CHECK(::stat((t.root / small_epub).c_str(), &before) == 0);
  t.set(book, "publisher", "Press");
  CHECK(t.settle().empty());
  CHECK(t.inside(small_epub).publisher == "Press");
  CHECK(::stat((t.root / small_epub).c_str(), &after) == 0);
  CHECK((after.st_uid == before.st_uid && after.st_gid == before.st_gid && after.st_mode == before.st_mode));
}
