#include "publication/isolated/pool.hpp"

int main() { return carrel::publication::isolated::child_main(); }
