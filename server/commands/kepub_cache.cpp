#include <algorithm>

#include "kobo/artifact.hpp"
#include "library/cache_folder.hpp"
#include "server/commands/command.hpp"

namespace carrel::commands {
namespace {

constexpr std::uint64_t to_nothing = 0;

bool rebuild = false;

// The files go first: a running server looks for them as soon as it is told.
void remove_files(environment& e, const std::filesystem::path& folder) {
  std::set<std::filesystem::path> keep;
  for (const kobo::artifact& a : e.pool->read_now(kobo::artifacts_of_other_versions))
    keep.insert(kobo::artifact_path(e.store, a));
  library::trim_folder(folder, to_nothing, keep);
}

// Kobos are told nothing: the same bytes are made again. Meanwhile what a Kobo asks for is converted at once.
exit_status show_or_rebuild(invocation& call) {
  environment e = call.open(1);
  std::filesystem::path folder = e.store.cache() / "kepub";
  std::uint64_t bytes = library::bytes_below(folder), most = e.settings.bytes("kepub.cache");
  std::int64_t known = e.pool->read_now(kobo::count_artifacts);
  json::object answer{{"conversions", known}, {"bytes", bytes}, {"limit", most}};
  if (!rebuild) {
    call.answer(answer,
                std::to_string(known) + " conversions are known; " + mebibytes(bytes) + " of " + mebibytes(most) + " are used.");
    return done;
  }
  if (!call.dry_run) remove_files(e, folder);
  int queued = change(e, call, kobo::decide_all_again);
  answer.set("queued", queued);
  call.answer(answer, mebibytes(bytes - std::min(bytes, library::bytes_below(folder))) + " removed; " + std::to_string(queued) +
                          " books will be converted again when the server runs.");
  return done;
}

}  // namespace

void describe_kepub_cache(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("kepub-cache", "how much room conversions for Kobos take");
  cmd->add_flag("--rebuild", rebuild, "remove them all and make them again, the same to the byte");
  cmd->callback([&call] { call.action = show_or_rebuild; });
}

}  // namespace carrel::commands
