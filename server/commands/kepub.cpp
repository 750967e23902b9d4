#include "publication/isolated/pool.hpp"

#include <chrono>
#include <filesystem>

#include "server/commands/command.hpp"

namespace carrel::commands {
namespace {

namespace kepub = publication::kepub;

std::string input, output;
bool no_title_page = false;

// A book that is not to be converted is refused; everything else is a fault of the file or of the disk.
stop stop_for(const publication::refusal& why) {
  bool meant = why.code == "kepub_fixed_layout" || why.code == "kepub_protected" || why.code == "kepub_too_large" ||
               why.code == "kepub_not_epub" || why.code == "unsupported_type";
  return {meant ? refused : failed, publication::message_for(why.code, why.detail)};
}

exit_status convert(invocation& call) {
  config settings = call.load_settings();
  kepub::options how = kepub::options_from(settings);
  how.title_page = how.title_page && !no_title_page;
  input_file file(input);
  if (std::filesystem::is_directory(output)) throw stop(usage, output + " is a folder; name the file to write.");
  auto begun = std::chrono::steady_clock::now();
  publication::isolated::options children = publication::isolated::options_from(settings);
  children.processes = 1;
  publication::isolated::pool converter(children);
  result<kepub::made, publication::refusal> made = converter.convert(
      file.descriptor(), std::filesystem::path(input).filename().string(), std::filesystem::absolute(output), how);
  if (!made) throw stop_for(made.error());
  auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun).count();

  json::array warnings;
  std::string text = made->copied ? "It is a KEPUB already: copied as it is.\n"
                                  : std::to_string(made->spans) + " spans in " + std::to_string(spent) + " ms.\n";
  for (const publication::warning& w : made->warnings) {
    std::string message = publication::message_for(w.code, w.detail);
    text += message + "\n";
    warnings.push_back(json::object{{"code", w.code}, {"message", message}});
  }
  call.answer(json::object{{"spans", made->spans}, {"milliseconds", spent}, {"warnings", std::move(warnings)}}, text);
  return done;
}

}  // namespace

void describe_kepub(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("kepub", "convert an EPUB for Kobos; needs no library");
  cmd->add_option("INPUT", input, "an EPUB")->required();
  cmd->add_option("OUTPUT", output, "the file to write; a Kobo wants a name that ends in .kepub.epub")->required();
  cmd->add_flag("--no-title-page", no_title_page, "no empty page in front of a book that begins with its text");
  cmd->callback([&call] { call.action = convert; });
}

}  // namespace carrel::commands
