#include <filesystem>

#include "publication/fingerprint.hpp"
#include "publication/open.hpp"
#include "server/commands/command.hpp"

namespace carrel::commands {
namespace {

std::string path;

exit_status hash(invocation& call) {
  input_file file(path);
  result<publication::fingerprints> prints = publication::fingerprint(file.descriptor());
  if (!prints) throw stop(failed, prints.error().message());

  std::string name = std::filesystem::path(path).filename().string();
  result<publication::opened, publication::refusal> opened = publication::open(file.descriptor(), name);
  json::value content = opened && !opened->content_hash.empty() ? json::value(opened->content_hash) : json::value();

  std::string name_md5 = publication::file_name_md5(name);
  json::object document{{"sha256", prints->sha256},
                        {"md5", prints->md5},
                        {"koreader_partial_md5", prints->koreader_md5},
                        {"koreader_filename_md5", name_md5},
                        {"content_hash", content}};
  std::vector<std::vector<std::string>> rows{{"SHA-256", prints->sha256},
                                             {"MD5", prints->md5},
                                             {"KOReader (binary)", prints->koreader_md5},
                                             {"KOReader (file name)", name_md5},
                                             {"content", content.as_text() ? *content.as_text() : "-"}};
  call.answer(document, table(rows));
  return done;
}

}  // namespace

void describe_hash(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("hash", "print the fingerprints of a file; needs no library");
  cmd->add_option("FILE", path, "any file")->required();
  cmd->callback([&call] { call.action = hash; });
}

}  // namespace carrel::commands
