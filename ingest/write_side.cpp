// metadata.opf and a cover beside a book.

#include <algorithm>

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

std::string picture_extension(const std::string& mime) {
  return mime == "image/png" ? ".png" : mime == "image/webp" ? ".webp" : ".jpg";
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

// Removes what Carrel wrote; what somebody has changed since is theirs.
bool take_away(const services& s, const library::book_library& l, const library::side_file& old) {
  tree_place at = place_in_tree(l, old.storage_path);
  bool gone = false;
  if (result<tree_folder> folder = tree_folder::open(l.root, at.below)) {
    std::optional<std::string> is = folder->sha256(at.name);
    gone = is && old.has_bytes(*is);
    if (gone) folder->remove(at.name);
    if (gone) folder->remove_empty(l.root);
  }
  s.pool.write_now([&](db::tx& tx) { library::forget_side_file(tx, old.id); });
  return gone;
}

class side_writer {
 public:
  side_writer(const services& s, const library::book_library& l, const uuid& book)
      : with_(s),
        library_(l),
        book_(book),
        known_(s.pool.read_now([&](db::tx& tx) { return library::side_files_of(tx, book); })) {}

  void drop(std::string_view kind) const {
    if (const library::side_file* old = among(known_, kind)) take_away(with_, library_, *old);
  }

  std::optional<error> write(const std::string& kind, const std::string& path, const std::string& bytes) const {
    const library::side_file* old = among(known_, kind);
    if (old != nullptr && old->storage_path != path) {
      take_away(with_, library_, *old);
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

    bool mine = with_.pool.write_now([&](db::tx& tx) { return library::begin_side_file(tx, book_, kind, path, digest); });
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

// Of a book that has its folder for itself it is "metadata.opf"; elsewhere it bears the book's name (15.1).
side_names names_beside(db::tx& tx, const library::book_library& l, const library::write_choice& c,
                        const library::book_to_write& b) {
  tree_place at = place_in_tree(l, b.files.front().path);
  bool shared = library::shares_folder(tx, b.id, at.prefix) || at.below.empty();
  std::string stem = at.prefix + publication::file_stem(at.name);
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
  std::vector<library::book_library> trees = s.pool.read_now(library::all_trees);
  int gone = 0;
  for (const library::side_file& stray : s.pool.read_now([](db::tx& tx) { return library::stray_side_files(tx, most_strays); })) {
    auto in = [&](const library::book_library& l) { return stray.storage_path.starts_with("trees/" + l.id.text() + "/"); };
    auto l = std::find_if(trees.begin(), trees.end(), in);
    if (l == trees.end())
      s.pool.write_now([&](db::tx& tx) { library::forget_side_file(tx, stray.id); });
    else if (std::error_code code; fs::is_directory(l->root, code))
      gone += take_away(s, *l, stray) ? 1 : 0;
  }
  if (gone > 0) log::info("library.write_strays", {{"files", gone}});
  return gone;
}

}  // namespace carrel::ingest
