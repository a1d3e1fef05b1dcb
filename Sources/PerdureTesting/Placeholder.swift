/// Where it will be.
enum Placeholder {}
