// Downloads and covers (kobo.md 12, 13).
#include <sys/stat.h>

#include <algorithm>

#include "kobo/cover_box.hpp"
#include "kobo/merged.hpp"
#include "kobo/state.hpp"
#include "library/cover_cache.hpp"
#include "library/download.hpp"
#include "library/merge.hpp"
#include "publication/unicode.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"
#include "server/http/conditional.hpp"

namespace carrel::kobo {
namespace {

constexpr int default_cover = 400, highest_side = 4096;
constexpr std::size_t longest_name = 160;

// A book without a cover that some reader asks for all the same, because an older version had one: plain paper.
constexpr std::string_view paper =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/4gHYSUNDX1BST0ZJTEUAAQEAAAHIAAAAAAQwAABtbnRyUkdCIFhZWiAH4AABAAEAAAAAAABhY3NwAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAQAA9tYAAQAAAADTLQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAlkZXNj"
    "AAAA8AAAACRyWFlaAAABFAAAABRnWFlaAAABKAAAABRiWFlaAAABPAAAABR3dHB0AAABUAAAABRyVFJDAAABZAAAAChnVFJDAAABZAAAAChiVFJDAAAB"
    "ZAAAAChjcHJ0AAABjAAAADxtbHVjAAAAAAAAAAEAAAAMZW5VUwAAAAgAAAAcAHMAUgBHAEJYWVogAAAAAAAAb6IAADj1AAADkFhZWiAAAAAAAABimQAA"
    "t4UAABjaWFlaIAAAAAAAACSgAAAPhAAAts9YWVogAAAAAAAA9tYAAQAAAADTLXBhcmEAAAAAAAQAAAACZmYAAPKnAAANWQAAE9AAAApbAAAAAAAAAABt"
    "bHVjAAAAAAAAAAEAAAAMZW5VUwAAACAAAAAcAEcAbwBvAGcAbABlACAASQBuAGMALgAgADIAMAAxADb/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEj"
    "JR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2Nj"
    "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCACQAGADASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAAAAUE/8QAIhABAAAEBwADAAAAAAAAAAAA"
    "AAVDgsEEERIVY6LhFCJB/8QAFAEBAAAAAAAAAAAAAAAAAAAAAP/EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAMAwEAAhEDEQA/AKGCwnytf30acvzPPNp2"
    "jn6ekGnU3UwTNo5+nptHP09UwEzaOfp6bRz9PVMBM2jn6em0c/T1TATNo5+nptHP09UwEzaOfp6zY3CfF0ffXqz/ADLLJcTIzJqsBBp1N1NMg06m6mAA"
    "AAAAAAAmRmTVZTTIzJqsBBp1N1NMg06m6mAAAAAAAAAmRmTVZTTIzJqsBBp1N1NMg06m6mAAAAAAAAAmRmTVZTTIzJqsBBp1N1NMg06m6mAAAAAAAAAm"
    "RmTVZTTIzJqsBBp1N1NMg06m6mAAAAAAAAAmRmTVZTTIzJqsBBp1N1NMg06m6mAAAAAAAAAmRmTVZTTIzJqsBBp1N1NMg06m6mAAAAAAAAAmRmTVZTTI"
    "zJqsBBp1N1NDwWL+Lr+mvVl+5ZZNO78HfwFMTN34O/hu/B38BTEzd+Dv4bvwd/AUxM3fg7+G78HfwFMTN34O/hu/B38BTTIzJqsbvwd/GbG4v5Wj6aNO"
    "f7nnmD//2Q==";

struct found_delivery {
  delivery book;
  bool named = false;  // by the address, or of the size that was told with it
  bool begun = false;  // the device has asked for the first byte since it was told of the book
};

constexpr db::statement sql_begun{"kobo.download_begun", R"sql(
  select from kobo_signals s join kobo_ledger l on l.kobo_id = s.kobo_id and l.subject = 1 and l.id = s.id
   where s.kobo_id = $1 and s.id = $2 and s.download_started_at >= l.since_at)sql"};

constexpr db::statement sql_told_size{"kobo.told_size", R"sql(
  select a.file_size from kobo_artifacts a join book_files f on f.id = a.file_id join books b on b.id = f.book_id
   where b.entitlement = $1 and left(a.checksum, 12) = $2 limit 1)sql"};

// An address holds the first digits of the file that it was made for. Another file is served under it only where it has the size
// that the device was told, or where the device asks for a book that is part of this one by now (12).
bool is_named(db::tx& tx, const uuid& id, const std::string& hash, const deliverable& file) {
  if (file.checksum.starts_with(hash) || library::surviving_entitlement(tx, id) != id) return true;
  db::rows told = tx.run(sql_told_size, id, hash);
  return !told.empty() && told[0].integer(0) == file.size;
}

std::optional<found_delivery> find_delivery(db::tx& tx, const visit& v, const uuid& id, const std::string& hash, bool in_parts) {
  std::optional<kobo_row> k = find_holder(tx, v.device, v.user, id);
  library::kobo_options wishes = k ? k->wishes : library::kobo_options_of(tx, v.device);
  kobo_ids ids =
      k ? k->ids : kobo_ids{.row = {}, .device = v.device, .user = v.user, .largest = wishes.largest, .style = wishes.style()};
  std::unordered_map<uuid, delivery> live = read_told(tx, ids, {id});
  auto at = live.find(id);
  if (at == live.end()) return std::nullopt;
  // What is asked for in parts may have begun as other bytes.
  bool named = in_parts ? at->second.file.checksum.starts_with(hash) : is_named(tx, id, hash, at->second.file);
  return found_delivery{
      .book = std::move(at->second), .named = named, .begun = in_parts && k && !tx.run(sql_begun, k->ids.row, id).empty()};
}

bool is_file(const std::filesystem::path& path) {
  struct stat s {};
  return ::stat(path.c_str(), &s) == 0 && S_ISREG(s.st_mode);
}

// The bytes of a file or of its conversion; nothing when they cannot be had any more. Blocks while a conversion that the cache
// has let go is made again.
std::optional<std::filesystem::path> bytes_of(const shared_state& s, const deliverable& f) {
  if (f.made && !f.made->is_source()) return s.with.made.file_of(*f.made, f.storage_path, f.original_name);
  if (!s.with.store.holds(f.storage_path, f.size)) return std::nullopt;
  return s.with.store.absolute(f.storage_path);
}

// A file that is away makes its book pending; a conversion that cannot be made again as it was gives way to another.
void note_lost(db::tx& tx, const deliverable& f, const std::filesystem::path& source) {
  if (f.made && is_file(source)) return decide_again(tx, f.file);
  library::mark_file_missing(tx, f.file, true);
}

// The address names bytes that are not there any more: the next sync says the book anew (12).
void renew(db::tx& tx, const visit& v, const uuid& id) {
  std::optional<kobo_row> k = find_holder(tx, v.device, v.user, id);
  if (k) doubt_everywhere(tx, k->ids.row, subject::book, {id});
}

// 36 characters of the book and a mark of its cover, which only makes the device ask for a new one (13).
std::optional<uuid> book_of_image(std::string_view image) { return id_of(image.substr(0, 36)); }

constexpr db::statement sql_cover{"kobo.cover", R"sql(
  select c.id, c.sha256, c.storage_path, c.width, c.height
    from visible_books($1) b join covers c on c.id = b.cover_id where b.entitlement = surviving_entitlement($2))sql"};

std::optional<library::cover_ref> find_cover(db::tx& tx, const uuid& user, const uuid& entitlement) {
  db::rows rows = tx.run(sql_cover, user, entitlement);
  if (rows.empty()) return std::nullopt;
  const db::row& r = rows[0];
  return library::cover_ref{.id = r.id(0),
                            .sha256 = r.text(1),
                            .storage_path = r.text(2),
                            .width = static_cast<int>(r.integer(3)),
                            .height = static_cast<int>(r.integer(4))};
}

int edge_of(const http::request& in, const library::cover_ref& cover) {
  auto side = [&](std::string_view name) {
    std::optional<std::int64_t> n = to_integer(in.param(name));
    return n && *n >= 1 && *n <= highest_side ? static_cast<double>(*n) : default_cover;
  };
  return cover_edge(cover, side("width"), side("height"));
}

const std::string& placeholder() {
  static const std::string jpeg = base64_decode(paper).value();
  return jpeg;
}

// 200 and not 404, which a reader would repeat; not kept, because the book may get a cover (13).
http::response no_cover() {
  http::response r = http::text(placeholder(), 200);
  r.set("Content-Type", "image/jpeg");
  r.set("Cache-Control", "no-store");
  return r;
}

// A download counts as begun with its first byte and as complete with its last, also when it was resumed in between. Who never
// asked for the beginning has not got the book.
void follow(shared_state& s, const visit& v, const uuid& entitlement, const deliverable& file, bool begun, http::response& r) {
  const auto* part = std::get_if<http::file_slice>(&r.body);
  if (part == nullptr || (part->first > 0 && !begun)) return;
  if (part->first == 0) note_shown(s, v, signal::download_started, {entitlement});
  if (part->first + part->count != static_cast<std::uint64_t>(file.size)) return;
  r.sent = [&s, v, entitlement, file = file.file,
            artifact = file.made ? std::optional(file.made->id) : std::nullopt](bool complete) {
    if (!complete) return;
    note_shown(s, v, signal::download_done, {entitlement});
    auto done = [](const std::exception_ptr& failed) {
      if (failed) log::warn("kobo.download", {{"result", "not noted"}});
    };
    auto record = [user = v.user, device = v.device, entitlement, file, artifact](db::tx& tx) {
      library::record_download(tx, user, device, file);
      note_delivered(tx, device, entitlement, artifact);
    };
    s.with.pool.enqueue(db::mode::write, std::nullopt, std::move(record), done);
  };
}

}  // namespace

task<http::response> show_download(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::optional<uuid> id = id_of(c.in.param("id"));
  if (!id) throw http::problem{404, "", "gone"};
  bool in_parts = c.in.header("range").has_value();
  std::string hash = lower_ascii(c.in.param("hash"));
  std::optional<found_delivery> found = co_await s.with.pool.write(find_delivery, v, *id, std::move(hash), in_parts);
  if (!found || found->book.preparing) throw http::problem{404, "", "gone"};
  const deliverable& file = found->book.file;
  if (!found->named) {
    co_await s.with.pool.write(renew, v, *id);
    throw http::problem{404, "", "gone"};
  }
  http::validators tags{.etag = "\"" + file.checksum + "\"", .modified = std::nullopt};
  auto find = [&s, &file] { return bytes_of(s, file); };
  std::optional<std::filesystem::path> path = co_await s.with.patient.run(find);
  if (!path) {
    co_await s.with.pool.write(note_lost, file, s.with.store.absolute(file.storage_path));
    throw http::problem{404, "", "gone"};
  }
  http::response r = http::file(c.in, *path, "application/epub+zip", tags);
  std::string name(cut_utf8(c.in.param("name"), longest_name));  // what the address says is said again in a header
  std::replace(name.begin(), name.end(), '/', '_');
  r.set("Content-Disposition", http::content_disposition(name, false, true, publication::ascii_name(name)));
  if (c.in.method() == http::verb::get && r.status < 300) follow(s, v, *id, file, found->begun, r);
  co_return r;
}

task<http::response> show_cover(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::optional<uuid> id = book_of_image(c.in.param("image"));
  std::optional<library::cover_ref> cover;
  if (id) cover = co_await s.with.pool.read(find_cover, v.user, *id);
  if (!cover) {
    task<std::optional<http::response>> asking = cover_of_store(s, c, id);
    std::optional<http::response> there = co_await std::move(asking);
    if (there) co_return std::move(*there);
    co_return no_cover();
  }
  note_shown(s, v, signal::cover, {*id});
  int edge = edge_of(c.in, *cover);
  http::validators tags{.etag = "\"" + cover->sha256.substr(0, 24) + "-" + std::to_string(edge) + "\"", .modified = std::nullopt};
  http::response r;
  if (http::unchanged(c.in, tags)) {
    r = http::not_modified(tags);
  } else {
    const library::store& store = s.with.store;
    std::optional<std::filesystem::path> path = co_await s.with.cpu.run(library::cover_cache, store, *cover, edge);
    if (!path) co_return no_cover();
    r = http::file(c.in, *path, "image/jpeg", tags);
  }
  r.set("Cache-Control", "private, max-age=86400");
  co_return r;
}

}  // namespace carrel::kobo
