// The program's entry point lands with its library.
