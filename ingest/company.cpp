#include "ingest/company.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "ingest/covers.hpp"
#include "ingest/library_folders.hpp"
#include "ingest/names.hpp"
#include "ingest/preferences.hpp"
#include "ingest/sweep.hpp"
#include "ingest/work.hpp"
#include "library/revision.hpp"
#include "publication/fingerprint.hpp"
#include "publication/names.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t read_as_text = 256 << 10;  // of a candidate's raw_response (18.1)

const library::actor teller{.user = std::nullopt, .name = "ingest"};

// A picture that somebody chose, here or in Calibre, is not a file's to replace.
constexpr db::statement sql_cover_is_free{"ingest.cover_is_free_for_sidecar", R"sql(
  select c.sha256 is null or (c.source in ('embedded', 'sidecar') and c.sha256 <> $2)
    from books b left join covers c on c.id = b.cover_id where b.id = $1 and not 'cover' = any (b.locked_fields))sql"};

std::string text_of(int descriptor) {
  std::string out(read_as_text, '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    ssize_t n = ::pread(descriptor, out.data() + have, out.size() - have, static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
  }
  out.resize(have);
  return out;
}

class reader {
 public:
  reader(const services& s, const uuid& group) : with_(s) { out_.group = group; }
  // Of files that stay below `root`.
  reader(const services& s, const fs::path& root) : with_(s), root_(&root) {}

  result<company> read(std::vector<sidecar_row> rows) {
    for (sidecar_row& row : rows) {
      if (row.told) continue;
      result<source> in = root_ == nullptr ? open_source(row.source_path) : open_below(*root_, row.source_path);
      if (!in || in->who != row.who) continue;  // gone, or written to since: it is met again as it is now
      row.error_code.clear();
      if (row.who.size > largest_sidecar) {
        refuse(row, {"file_too_large", ""});
        out_.sidecars.push_back(std::move(row));
        continue;
      }
      std::optional<error> bad = root_ == nullptr ? keep(row, in->handle.get()) : std::nullopt;
      if (bad) return *bad;
      if (row.kind == "picture")
        pictures_.push_back({out_.sidecars.size(), std::move(in->handle)});
      else if (row.kind != "other")
        listen(row, in->handle.get());
      out_.sidecars.push_back(std::move(row));
    }
    if (std::optional<error> bad = look_at_pictures()) return *bad;
    return std::move(out_);
  }

 private:
  struct opened_picture {
    std::size_t row;
    file handle;
  };

  std::optional<error> keep(sidecar_row& row, int descriptor) {
    result<std::string> sum = publication::sha256_of(descriptor);
    if (!sum) return std::nullopt;
    std::string extension = publication::file_extension(row.name);
    std::string target = with_.store.path_for(*sum, "." + (extension.empty() ? row.kind : extension));
    fs::path there = with_.store.absolute(target);
    if (!is_there(there)) {
      result<std::string> copy = library::copy_proven(descriptor, there);
      if (!copy && copy.error().field == "source_changed") return std::nullopt;
      if (!copy && copy.error().field != "target_exists") return copy.error();
    }
    if (sha256_of(there) != *sum) return std::nullopt;  // damaged, or another file came into being; the source stays
    row.sha256 = *sum;
    row.storage_path = target;
    return std::nullopt;
  }

  void refuse(sidecar_row& row, const publication::refusal& why) {
    row.error_code = why.code;
    out_.warnings.push_back({"sidecar_unreadable", row.name});
    if (root_ == nullptr) log::warn("ingest.sidecar", {{"group", out_.group}, {"name", row.name}, {"code", why.code}});
  }

  void listen(sidecar_row& row, int descriptor) {
    result<publication::told, publication::refusal> heard = with_.inspectors.read_sidecar(descriptor, row.name);
    if (!heard) return refuse(row, heard.error());
    if (!heard->cover.empty() && cover_name_.empty()) cover_name_ = heard->cover;
    if (!out_.added_at) out_.added_at = heard->added_at;
    out_.said.push_back(library::sidecar_source(*heard, row.kind == "json", row.name, text_of(descriptor)));
  }

  // The one that an OPF names, then in their order (15.4).
  std::optional<error> look_at_pictures() {
    std::stable_partition(pictures_.begin(), pictures_.end(), [&](const opened_picture& p) {
      return !cover_name_.empty() && equal_ascii_case(out_.sidecars[p.row].name, cover_name_);
    });
    for (const opened_picture& p : pictures_) {
      if (out_.cover) break;
      sidecar_row& row = out_.sidecars[p.row];
      result<publication::isolated::picture, publication::refusal> seen = with_.inspectors.look_at_picture(p.handle.get());
      if (!seen) {
        refuse(row, seen.error());
        continue;
      }
      if (seen->master.width < publication::smallest_picture || seen->master.height < publication::smallest_picture) continue;
      result<library::new_cover> stored = store_cover(with_, seen->master, seen->thumbnails, "sidecar");
      if (!stored) return stored.error();
      out_.cover = std::move(*stored);
    }
    return std::nullopt;
  }

  const services& with_;
  const fs::path* root_ = nullptr;
  company out_;
  std::vector<opened_picture> pictures_;
  std::string cover_name_;
};

void mark_all_told(db::tx& tx, const services& s, const company& c, const uuid& book) {
  for (sidecar_row row : c.sidecars) {
    if (!row.storage_path.empty() && !is_there(s.store.absolute(row.storage_path))) row.storage_path.clear();
    mark_told(tx, row, book);
  }
}

// Without a book, or a copy of its own, the file beside it stays where it is.
bool may_go(const sidecar_row& row) { return row.told && !row.keep && !row.source_done && !row.storage_path.empty(); }

void put_away(const services& s, const sidecar_row& row) {
  fs::path source = row.source_path, folder = s.store.data() / "attic" / row.id.text();
  if (identity_at(source) == row.who && !lies_in_library(s, source)) {
    std::optional<error> bad = make_synced_folder(folder);
    if (!bad) bad = library::take_proven(source, folder / safe_name(source.filename().native()));
    if (bad) log::warn("ingest.source_stays", {{"sidecar", row.id}, {"error", bad->message()}});
    if (bad && bad->field == "disk_full") return;  // with the next start
    s.pass(step::sidecar_gone);
  }
  s.pool.write_now([&](db::tx& tx) { mark_sidecar_done(tx, row.id); });
}

}  // namespace

result<company> read_company(const services& s, const uuid& group, std::vector<sidecar_row> rows) {
  return reader(s, group).read(std::move(rows));
}

result<company> read_company_below(const services& s, const fs::path& root, std::vector<sidecar_row> rows) {
  return reader(s, root).read(std::move(rows));
}

void settle(db::tx& tx, const services& s, const company& c, const uuid& book) {
  set_book_of_group(tx, c.group, c.part, book);
  mark_all_told(tx, s, c, book);
}

void tell(db::tx& tx, const services& s, const company& c, const uuid& book) {
  hold_store(tx);
  std::vector<library::local_source> said = c.said;
  follow(said, s.how);
  library::tell(tx, book, said, teller);
  bool stored = c.cover && is_there(s.store.absolute(c.cover->storage_path));
  db::rows cover_is_free = stored ? tx.run(sql_cover_is_free, book, c.cover->sha256) : db::rows();
  if (cover_is_free.empty() || !cover_is_free[0].flag(0)) return;
  library::set_cover(tx, book, *c.cover);
  library::bump_revision(tx);
}

void tell_book(const services& s, const company& c, const uuid& book) {
  s.pool.write_now([&](db::tx& tx) {
    tell(tx, s, c, book);
    mark_all_told(tx, s, c, book);
  });
}

void put_sidecars_away(const services& s, const uuid& group) {
  group_rows g = s.pool.read_now([&](db::tx& tx) { return find_group(tx, group); });
  for (const sidecar_row& row : g.sidecars) {
    if (!may_go(row)) continue;
    put_away(s, row);
    remove_empty_folders(s, row.source_path);
  }
}

}  // namespace carrel::ingest
