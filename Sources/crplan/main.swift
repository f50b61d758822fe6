print("crplan")
