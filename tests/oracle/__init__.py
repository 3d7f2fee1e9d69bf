"""The oracle: runs fixtures for real and says what each scenario leaves behind."""
