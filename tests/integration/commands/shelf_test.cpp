#include "tests/integration/commands/shell.hpp"

using namespace carrel;
using namespace carrel::commands::tests;

TEST_CASE("a shelf is found by its id or its only name, whoever's it is") {
  shell sh;
  sh.add_user("owner", library::role::owner);
  uuid ada = sh.add_user("ada"), shelf = sh.add_shelf(ada, "Holiday reading"), book = sh.add_book("The Open Harbour");
  for (const std::string& name : {std::string("'holiday READING'"), shelf.text()}) {
    outcome added = sh.run("shelf add " + name + " " + book.text() + " --json");
    CHECK(added.status == 0);
    CHECK(added.out == "{\"changed\":1}\n");
    outcome shown = sh.run("shelf show " + name + " --json");
    CHECK(shown.status == 0);
    CHECK(shown.text("id") == shelf.text());
    CHECK(shown.says("\"books\":[\"" + book.text() + "\"]"));
    CHECK(sh.run("shelf remove " + name + " 'The Open Harbour' --json").out == "{\"changed\":1}\n");
  }
  outcome none = sh.run("shelf show Nowhere");
  CHECK(none.status == 3);
  CHECK(none.err.find("There is no shelf called Nowhere") != std::string::npos);
}

TEST_CASE("a name that several accounts use is refused with all of them, and settled by --user or the id") {
  shell sh;
  uuid owner = sh.add_user("owner", library::role::owner), ada = sh.add_user("ada");
  uuid first = sh.add_shelf(owner, "To read"), second = sh.add_shelf(ada, "To Read"), book = sh.add_book("Either");
  for (const std::string& words :
       {std::string("show 'to read'"), "add 'to read' " + book.text(), "remove 'to read' " + book.text()}) {
    INFO(words);
    outcome o = sh.run("shelf " + words + " --json");
    CHECK(o.status == 2);
    CHECK(o.says("\"code\":\"ambiguous\""));
    CHECK(o.err.find(first.text()) != std::string::npos);
    CHECK(o.err.find(second.text()) != std::string::npos);
    CHECK(o.err.find("of ada") != std::string::npos);
    CHECK(o.err.find("of owner") != std::string::npos);
  }
  CHECK(sh.run("shelf add 'to read' Either --user ada --json").out == "{\"changed\":1}\n");
  CHECK(sh.run("shelf show 'to read' --user ada --json").text("id") == second.text());
  CHECK(sh.run("shelf show " + first.text() + " --json").says("\"books\":[]"));
}

TEST_CASE("a device name that several accounts use is refused with all of them, and settled by --user or the id") {
  shell sh;
  uuid owner = sh.add_user("owner", library::role::owner), ada = sh.add_user("ada");
  uuid first = sh.add_device(owner, "Phone"), second = sh.add_device(ada, "phone");
  for (const char* act : {"show", "rotate", "revoke"}) {
    outcome o = sh.run(std::string("device ") + act + " Phone --json");
    INFO(act);
    CHECK(o.status == 2);
    CHECK(o.says("\"code\":\"ambiguous\""));
    CHECK(o.err.find(first.text() + "  Phone  of owner") != std::string::npos);
    CHECK(o.err.find(second.text() + "  phone  of ada") != std::string::npos);
  }
  CHECK(sh.run("device show Phone --user ada --json").text("id") == second.text());
  CHECK(sh.run("device show " + first.text() + " --json").text("id") == first.text());
}

TEST_CASE("shelf feed finds the shelf through the device's account and the device through the shelf's") {
  shell sh;
  uuid owner = sh.add_user("owner", library::role::owner), ada = sh.add_user("ada");
  uuid owners = sh.add_shelf(owner, "To read"), adas = sh.add_shelf(ada, "To read"), only = sh.add_shelf(ada, "Only hers");
  uuid tablet = sh.add_device(ada, "Tablet"), phone = sh.add_device(ada, "Phone"), other = sh.add_device(owner, "Phone");
  CHECK(sh.run("shelf feed 'To read' --device Tablet --json").out == "{\"changed\":1}\n");
  CHECK(sh.run("shelf feed 'To read' --device Tablet --json").out == "{\"changed\":0}\n");
  CHECK(sh.fed_by(adas) == std::vector<uuid>{tablet});
  CHECK(sh.fed_by(owners).empty());
  CHECK(sh.run("shelf feed 'Only hers' --device Phone --json").out == "{\"changed\":1}\n");
  CHECK(sh.fed_by(only) == std::vector<uuid>{phone});
  CHECK(sh.run("shelf feed 'Only hers' --device Phone --off --json").out == "{\"changed\":1}\n");
  CHECK(sh.fed_by(only).empty());

  outcome both = sh.run("shelf feed 'To read' --device Phone");
  CHECK(both.status == 2);
  CHECK(both.err.find(phone.text()) != std::string::npos);
  CHECK(both.err.find(other.text()) != std::string::npos);
  CHECK(sh.run("shelf feed 'To read' --device Phone --user ada").status == 0);
  CHECK(sh.fed_by(adas) == std::vector<uuid>{tablet, phone});

  outcome foreign = sh.run("shelf feed " + owners.text() + " --device Tablet");
  CHECK(foreign.status == 4);
  CHECK(foreign.err.find("The shelf To read of owner is not shared") != std::string::npos);
  CHECK(sh.run("shelf feed 'To read' --device Nothing").status == 3);
}

TEST_CASE("a shelf by rule is made, shown, previewed and changed, and filled by nothing else") {
  shell sh;
  uuid ada = sh.add_user("ada", library::role::owner);
  sh.add_book("The Open Harbour");
  sh.add_book("The Closed Door");
  const std::string harbour = R"('{"all":[{"field":"text","op":"contains","value":"harbour"}]}')", every = R"('{"all":[]}')";
  outcome made = sh.run("shelf create Harbours --user ada --rule " + harbour + " --json");
  REQUIRE(made.status == 0);
  CHECK(sh.run("shelf rule Harbours --json").says(R"("rule":{"all":[{"field":"text","op":"contains","value":"harbour"}])"));
  outcome seen = sh.run("shelf rule Harbours " + every + " --preview --json");
  CHECK(seen.status == 0);
  CHECK(seen.says("\"count\":2"));
  CHECK(sh.run("shelf rule Harbours --json").says("\"count\":1"));
  uuid late = sh.add_book("Another Harbour");  // while no server runs
  outcome shown = sh.run("shelf show Harbours --json");
  CHECK(shown.says(late.text()));
  CHECK(sh.run("shelf rule Harbours " + every + " --json").says("\"count\":3"));

  CHECK(sh.run("shelf add Harbours 'The Closed Door'").status == 4);
  CHECK(sh.run("shelf rule Harbours '{\"all\":1}' --json").status == 2);
  CHECK(sh.run("shelf rule Nowhere").status == 3);
  std::string itself = R"('{"all":[{"field":"shelf","op":"is","value":")" + made.text("id") + R"("}]}')";
  CHECK(sh.run("shelf rule Harbours " + itself).status == 4);
  uuid hand = sh.add_shelf(ada, "Hand");
  CHECK(sh.run("shelf add Hand 'The Closed Door'").status == 0);
  CHECK(sh.run("shelf rule Hand " + every).status == 4);
  CHECK(sh.run("shelf rule " + hand.text() + " --json").says("\"rule\":null"));
  CHECK(sh.run("shelf rule Harbours --by-hand --json").says("\"rule\":null"));
  CHECK(sh.run("shelf remove Harbours 'The Closed Door' --json").out == "{\"changed\":1}\n");
}
