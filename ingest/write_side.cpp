// metadata.opf and a cover beside a book.

#include <algorithm>
#include <array>

#include "ingest/organise.hpp"
#include "ingest/tree_folder.hpp"
#include "ingest/write_back.hpp"
#include "publication/fingerprint.hpp"
#include "publication/names.hpp"
#include "publication/side_file.hpp"
#include "server/core/digest.hpp"
#include "server/core/log.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_cover = 32 << 20;  // 19.2
constexpr int most_strays = 1000;

constexpr std::array picture_extensions{".jpg", ".png", ".webp", ".gif"};

std::string picture_extension(const std::string& mime) {
  return mime == "image/png" ? ".png" : mime == "image/webp" ? ".webp" : mime == "image/gif" ? ".gif" : ".jpg";
}

std::optional<std::string> bytes_of(const fs::path& p, std::size_t most) {
  result<source> in = open_source(p);
  if (!in || static_cast<std::uint64_t>(in->who.size) > most) return std::nullopt;
  std::string out(static_cast<std::size_t>(in->who.size), '\0');
  for (std::size_t at = 0; at < out.size();) {
    ssize_t n = ::pread(in->handle.get(), out.data() + at, out.size() - at, static_cast<off_t>(at));
    if (n <= 0) return std::nullopt;
    at += static_cast<std::size_t>(n);
  }
  return out;
}

const library::side_file* among(const std::vector<library::side_file>& all, std::string_view kind) {
  auto at = std::find_if(all.begin(), all.end(), [&](const library::side_file& s) { return s.kind == kind; });
  return at == all.end() ? nullptr : &*at;
}

using trees = std::vector<library::book_library>;

trees every_tree(const services& s) { return s.pool.read_now(library::all_trees); }

enum class left { gone, theirs, unseen };  // removed; nothing of ours is there; nobody knows

// What somebody has changed since is theirs. It has another name while it is looked at: nobody writes to it between the look and
// the end.
left remove_ours(const tree_folder& folder, const std::string& name, const library::side_file& old) {
  std::string aside = ".carrel-" + old.id.text() + ".tmp";
  if (std::optional<std::string> before = folder.sha256(aside)) {  // an interruption
    if (old.has_bytes(*before))
      folder.remove(aside);
    else
      folder.put(aside, name);
  }
  result<source> there = folder.open_file(name);
  if (!there) return there.error().field == "source_unreadable" ? left::unseen : left::theirs;
  result<std::string> is = publication::sha256_of(there->handle.get());
  if (!is) return left::unseen;
  if (!old.has_bytes(*is)) return left::theirs;
  if (folder.put(name, aside)) return left::unseen;
  is = folder.sha256(aside).value_or("");
  if (old.has_bytes(*is)) {
    folder.remove(aside);
    return left::gone;
  }
  if (std::optional<error> bad = folder.put(aside, name)) log::warn("library.write_aside", {{"error", bad->message()}});
  return left::theirs;
}

left remove_ours(const library::book_library& l, const library::side_file& old) {
  std::error_code code;  // a disk that is not mounted leaves an empty folder
  if (fs::is_empty(l.root, code) || code) return left::unseen;
  tree_place at = place_in_tree(l, old.storage_path);
  result<tree_folder> folder = tree_folder::open(l.root, at.below);
  if (!folder) return fs::exists(fs::path(l.root) / at.below, code) || code ? left::unseen : left::theirs;
  left out = remove_ours(*folder, at.name, old);
  if (out == left::gone) folder->remove_empty(l.root);
  return out;
}

// In whichever tree it lies: its book may have been moved to another. Its row stays until somebody has looked.
left take_away(const services& s, const trees& all, const library::side_file& old) {
  auto has = [&](const library::book_library& l) { return old.storage_path.starts_with(tree_prefix(l.id)); };
  auto l = std::find_if(all.begin(), all.end(), has);
  left out = l == all.end() ? left::theirs : remove_ours(*l, old);
  if (out != left::unseen) s.pool.write_now([&](db::tx& tx) { library::forget_side_file(tx, old.id); });
  return out;
}

class side_writer {
 public:
  side_writer(const services& s, const library::book_library& l, const uuid& book)
      : with_(s),
        library_(l),
        book_(book),
        known_(s.pool.read_now([&](db::tx& tx) { return library::side_files_of(tx, book); })) {}

  void drop(std::string_view kind) const {
    if (const library::side_file* old = among(known_, kind)) leave(*old);
  }

  std::optional<error> write(const std::string& kind, const std::string& path, const std::string& bytes) const {
    const library::side_file* old = among(known_, kind);
    if (old != nullptr && old->storage_path != path) {
      leave(*old);
      old = nullptr;
    }
    tree_place at = place_in_tree(library_, path);
    result<tree_folder> folder = tree_folder::open(library_.root, at.below);
    if (!folder)
      return error{folder.error().field == "source_gone" ? "file_missing" : folder.error().field, folder.error().reason};
    std::string digest = sha256_hex(bytes);
    std::optional<std::string> is = folder->sha256(at.name);
    bool there = is || folder->has(at.name), ours = old != nullptr && is && old->has_bytes(*is);
    if (is == digest && old != nullptr && old->sha256 == digest) return std::nullopt;
    if (there && is != digest && !ours) return error{old != nullptr ? "side_file_changed" : "side_file_there", path};

    bool mine = with_.pool.write_now([&](db::tx& tx) {
      if (old != nullptr && is == old->next_sha256) library::end_side_file(tx, book_, kind);  // after an interruption
      return library::begin_side_file(tx, book_, kind, path, digest);
    });
    if (!mine) return error{"side_file_there", path};
    with_.pass(step::hashed);
    if (is != digest) {
      if (std::optional<error> bad = place(*folder, at.name, kind, bytes, old, there)) return bad;
    }
    with_.pass(step::placed);
    with_.pool.write_now([&](db::tx& tx) { library::end_side_file(tx, book_, kind); });
    with_.pass(step::stored);
    return std::nullopt;
  }

 private:
  // What cannot be seen now is left to remove_stray_side_files.
  void leave(const library::side_file& old) const {
    if (take_away(with_, every_tree(with_), old) == left::unseen)
      with_.pool.write_now([&](db::tx& tx) { library::disown_side_file(tx, old.id); });
  }

  std::optional<error> place(const tree_folder& folder, const std::string& name, const std::string& kind,
                             const std::string& bytes, const library::side_file* old, bool there) const {
    std::string fresh = ".carrel-" + book_.text() + "-" + kind + ".tmp";
    if (std::optional<error> bad = folder.write_new(fresh, bytes)) return bad;
    with_.pass(step::in_staging);
    auto is_ours = [&](const source& in) {
      result<std::string> is = publication::sha256_of(in.handle.get());
      return is && old != nullptr && old->has_bytes(*is);
    };
    std::optional<error> bad = there ? folder.exchange(fresh, name, is_ours) : folder.put(fresh, name);
    if (folder.has(fresh)) folder.remove(fresh);
    if (bad && bad->field == "target_exists") return error{"side_file_there", bad->reason};
    if (bad && bad->field == "target_changed") return error{"side_file_changed", bad->reason};
    return bad;
  }

  const services& with_;
  const library::book_library& library_;
  uuid book_;
  std::vector<library::side_file> known_;
};

bool has_another_owner(db::tx& tx, const uuid& book, const std::string& stem) {
  std::vector<std::string> names{stem + ".opf"};
  for (const char* extension : picture_extensions) names.push_back(stem + extension);
  return library::has_another_owner(tx, book, names);
}

std::optional<error> write_cover(const services& s, const side_writer& to, const library::book_to_write& b,
                                 const std::string& path) {
  if (path.empty()) return std::nullopt;
  std::optional<std::string> picture = bytes_of(s.store.absolute(b.cover), largest_cover);
  return picture ? to.write("cover", path, *picture) : error{"file_missing", b.cover};
}

}  // namespace

tree_place place_in_tree(const library::book_library& l, const std::string& storage_path) {
  std::string root = "trees/" + l.id.text() + "/";
  CARREL_EXPECT(storage_path.starts_with(root));
  fs::path below = storage_path.substr(root.size());
  return {.below = below.parent_path(),
          .prefix = storage_path.substr(0, storage_path.size() - below.filename().native().size()),
          .name = below.filename().native()};
}

// Of a book that has its folder for itself it is "metadata.opf"; elsewhere it bears the book's name (15.1), which another may
// have as well: T.epub and T.pdf.
side_names names_beside(db::tx& tx, const library::book_library& l, const library::write_choice& c,
                        const library::book_to_write& b) {
  tree_place at = place_in_tree(l, b.files.front().path);
  bool shared = library::shares_folder(tx, b.id, at.prefix) || at.below.empty();
  std::string stem = at.prefix + publication::file_stem(at.name);
  if (shared && has_another_owner(tx, b.id, stem)) stem += " [" + b.id.text().substr(0, 8) + "]";
  side_names out{.opf = shared ? stem + ".opf" : at.prefix + "metadata.opf", .cover = {}};
  if (c.writes("cover") && !b.cover.empty()) out.cover = (shared ? stem : at.prefix + "cover") + picture_extension(b.cover_type);
  return out;
}

std::optional<error> write_beside(const services& s, const library::book_library& l, const library::write_choice& c,
                                  const library::book_to_write& b, const std::string& metadata) {
  side_names names = s.pool.write_now([&](db::tx& tx) {
    side_names out = names_beside(tx, l, c, b);
    if (!out.opf.ends_with("/metadata.opf")) library::name_side_files_anew(tx, b.id, place_in_tree(l, out.opf).prefix);
    return out;
  });
  side_writer writer(s, l, b.id);
  std::optional<error> no_cover = write_cover(s, writer, b, names.cover);
  if (no_cover && (no_cover->field == "disk_full" || no_cover->field == "folder_unavailable")) return no_cover;
  if (names.cover.empty() && c.writes("cover")) writer.drop("cover");
  std::string cover_name = names.cover.empty() || no_cover ? "" : place_in_tree(l, names.cover).name;
  result<publication::corrected> said = publication::corrected_from_json(metadata);
  CARREL_EXPECT(said);
  result<std::string, publication::refusal> opf = publication::metadata_opf(*said, b.id.text(), cover_name);
  if (!opf) return error{opf.error().code, opf.error().detail};
  if (std::optional<error> bad = writer.write("opf", names.opf, *opf)) return bad;
  return no_cover;
}

int remove_stray_side_files(const services& s) {
  trees all = every_tree(s);
  int gone = 0;
  for (uuid after;;) {
    std::vector<library::side_file> some =
        s.pool.read_now([&](db::tx& tx) { return library::stray_side_files(tx, after, most_strays); });
    if (some.empty()) break;
    for (const library::side_file& stray : some) gone += take_away(s, all, stray) == left::gone ? 1 : 0;
    after = some.back().id;
  }
  if (gone > 0) log::info("library.write_strays", {{"files", gone}});
  return gone;
}

}  // namespace carrel::ingest
