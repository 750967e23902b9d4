#include "ingest/foresee.hpp"

#include "ingest/work.hpp"
#include "publication/names.hpp"

namespace carrel::ingest {
namespace {

forecast bad(ending::kind how, const std::string& code, const std::string& detail) {
  forecast out;
  out.end.how = how;
  out.end.code = code;
  out.end.detail = detail;
  return out;
}

}  // namespace

forecast foresee(const services& s, const finding& f, const item& like) {
  std::filesystem::path path = f.path;
  result<source> in = open_source(path);
  if (!in) {
    bool special = in.error().field == "not_a_regular_file";
    return bad(special ? ending::left_alone : ending::failed, special ? in.error().field : "source_unreadable",
               in.error().reason);
  }
  if (in->who.size == 0) return bad(ending::rejected, "empty_file", "");
  if (std::optional<publication::refusal> large = publication::too_large(static_cast<std::uint64_t>(in->who.size)))
    return bad(ending::rejected, large->code, large->detail);
  result<publication::fingerprints> prints = publication::fingerprint(in->handle.get());
  if (!prints) return bad(ending::failed, prints.error().field, prints.error().reason);

  forecast out;
  out.sha256 = prints->sha256;
  std::optional<library::known_bytes> known = s.pool.read_now([&](db::tx& tx) { return library::find_bytes(tx, out.sha256); });
  if (known) {
    out.end.how = ending::duplicate;
    out.end.book = known->book;
    out.end.file = known->file;
    return out;
  }
  std::string name = path.filename().native();
  result<publication::isolated::inspection, publication::refusal> inside = s.inspectors.inspect(in->handle.get(), name);
  if (!inside) return bad(ending::rejected, inside.error().code, inside.error().detail);
  publication::opened& o = inside->about;
  std::vector<library::local_source> said = s.pool.read_now([&](db::tx& tx) { return said_of(tx, s.how, o, name, nullptr); });
  if (prints->size + prints->size / 20 > s.store.free_bytes()) return bad(ending::failed, "disk_full", "");
  publication::metadata outline = library::outline(said);
  out.possible_duplicate_of = s.pool.read_now([&](db::tx& tx) { return library::find_duplicate(tx, outline, o.content_hash); });
  out.end.how = ending::added;
  out.end.status = approved(s, like, said, o.warnings, out.possible_duplicate_of.has_value()) ? "organized" : "review";
  out.end.warnings = o.warnings;
  return out;
}

}  // namespace carrel::ingest
