"""The screens of the installation's operators (support): activations, organizations, every audit log."""
