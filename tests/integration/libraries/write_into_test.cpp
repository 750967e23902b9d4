// Managed with write-back: into the EPUBs themselves (product.md 3.2; ingest.md 4.5; kobo.md 8.4; kosync.md 8.6).

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
